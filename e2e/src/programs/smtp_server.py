"""A mail server for tests: aiosmtpd, with each message it takes as a JSON file.

    smtp_server.py DIRECTORY PORT plain|starttls|tls [CERTIFICATE KEY] [--holds]

With TLS, letters are taken only from the user `nightlatch`. With `--holds` a letter is taken and never
acknowledged, as by a server that dies at the worst moment. The message is read by Python's own parser, which knows
nothing of the library that wrote it.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"nightlatch", b"a password for the mail server"


def told(envelope, session, encrypted):
    message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    parts = list(message.walk())
    lines = envelope.original_content.split(b"\r\n")
    return {
        "sender": envelope.mail_from,
        "recipients": envelope.rcpt_tos,
        "encrypted": encrypted,
        "user": bool(session.authenticated),
        "headers": [[name, str(value)] for name, value in message.items()],
        "type": message.get_content_type(),
        "parts": [
            {
                "type": part.get_content_type(),
                "charset": part.get_content_charset(),
                "text": part.get_content(),
            }
            for part in parts
            if not part.is_multipart()
        ],
        # What the parser had to forgive.
        "defects": [str(defect) for part in parts for defect in part.defects]
        + [str(defect) for part in parts for value in part.values() for defect in value.defects],
        "longest_line": max(len(line) for line in lines),
        "bare_newlines": any(b"\n" in line or b"\r" in line for line in lines),
    }


class Taker:
    def __init__(self, directory, holds):
        self.directory, self.holds, self.count = directory, holds, 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(self.directory, f"{os.getpid()}-{self.count:04}.json")
        with open(name + ".draft", "w", encoding="utf-8") as file:
            encrypted = server.transport.get_extra_info("ssl_object") is not None
            json.dump(told(envelope, session, encrypted), file)
        os.rename(name + ".draft", name)
        while self.holds:
            await asyncio.sleep(60)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == USER and data.password == PASSWORD)


class Here(Controller):
    def factory(self):
        return SMTP(self.handler, **self.SMTP_kwargs)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--holds"]
    directory, port, mode = arguments[:3]
    wanted = {"enable_SMTPUTF8": True}
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*arguments[3:5])
        wanted |= {"authenticator": authenticate, "auth_required": True}
    if mode == "starttls":
        wanted |= {"tls_context": context, "require_starttls": True}
    if mode == "tls":
        # The password is safe: the connection was encrypted from the start.
        wanted |= {"auth_require_tls": False}
    server = Here(
        Taker(directory, "--holds" in sys.argv),
        hostname="127.0.0.1",
        port=int(port),
        ssl_context=context if mode == "tls" else None,
        **wanted,
    )
    server.start()
    print("ready", flush=True)
    # Until whoever started us goes away.
    sys.stdin.read()
    server.stop(no_assert=True)


main()
