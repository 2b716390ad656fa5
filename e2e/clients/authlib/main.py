"""A small app on Flask and Authlib, as their guides have it.

It hears logouts with joserfc, an implementation of JSON Web Tokens that nobody of us wrote.
"""

import os
import secrets

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session, url_for
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ISSUER = os.environ["ISSUER"]
CLIENT_ID = os.environ["CLIENT_ID"]
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
oauth = OAuth(app)
oauth.register(
    "provider",
    client_id=CLIENT_ID,
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)
# Tokens by the number in the cookie, and the sessions that we were told have ended.
tokens = {}
ended = []


@app.get("/private")
def private():
    token = tokens.get(session.get("number"))
    if token is None:
        return oauth.provider.authorize_redirect(url_for("callback", _external=True))
    # The provider is asked each time: the token is worth something only while the session lasts.
    metadata = oauth.provider.load_server_metadata()
    answer = oauth.provider.get(metadata["userinfo_endpoint"], token=token)
    if answer.status_code != 200:
        del tokens[session.pop("number")]
        return "signed out", 401
    return f"Only for {answer.json()['email']}"


@app.get("/callback")
def callback():
    token = oauth.provider.authorize_access_token()
    session["number"] = secrets.token_urlsafe()
    tokens[session["number"]] = token
    return redirect(url_for("private"))


@app.get("/sid")
def sid():
    return tokens[session["number"]]["userinfo"]["sid"]


@app.get("/logout")
def logout():
    token = tokens.pop(session.pop("number"))
    return oauth.provider.logout_redirect(
        post_logout_redirect_uri=url_for("goodbye", _external=True),
        id_token_hint=token["id_token"],
    )


@app.get("/goodbye")
def goodbye():
    try:
        # Fails unless the state that was sent came back.
        oauth.provider.validate_logout_response()
    except OAuthError as error:
        return error.description, 400
    return "Goodbye"


@app.post("/backchannel")
def backchannel():
    metadata = oauth.provider.load_server_metadata()
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=5).json())
    rules = jwt.JWTClaimsRegistry(
        leeway=5,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT_ID},
        iat={"essential": True},
        exp={"essential": True},
        jti={"essential": True},
        sid={"essential": True},
    )
    try:
        token = jwt.decode(request.form["logout_token"], keys, algorithms=["RS256"])
        rules.validate(token.claims)
    except (JoseError, ValueError) as error:
        app.logger.error("no logout token: %s", error)
        return "no logout token", 400
    # OpenID Connect Back-Channel Logout 1.0, section 2.6.
    if (
        token.header.get("typ") != "logout+jwt"
        or token.claims.get("events", {}).get(LOGOUT_EVENT) != {}
        or "nonce" in token.claims
    ):
        app.logger.error("not a logout token: %s %s", token.header, token.claims)
        return "not a logout token", 400
    ended.append(token.claims["sid"])
    return "", 200


@app.get("/ended")
def all_ended():
    return "\n".join(ended)


app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
