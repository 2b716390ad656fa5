//! Letters by SMTP, encrypted unless the server is on this very machine.

use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use nightlatch_flows::mail::NotAccepted;
use nightlatch_web::mailing::{Letter, Transport};
use zeroize::Zeroizing;

use super::compose;
use crate::config::{SmtpEncryption, SmtpServer};
use crate::trouble::Trouble;

/// How long one step of the conversation may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Answers that are about us and not about the letter: a wrong password in the
/// configuration must not make the server throw alerts away (RFC 4954 6).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// An SMTP server.
#[derive(Debug)]
pub(super) struct Smtp {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    pub(super) fn new(from: &Mailbox, server: &SmtpServer) -> Result<Self, Trouble> {
        let trouble =
            |error: lettre::transport::smtp::Error| Trouble::new(format!("`mail_smtp`: {error}"));
        let parameters = || TlsParameters::new(server.host.clone()).map_err(trouble);
        let tls = match server.encryption {
            SmtpEncryption::FromTheStart => Tls::Wrapper(parameters()?),
            // Required: whoever strips the offer gets neither letter nor password.
            SmtpEncryption::StartTls => Tls::Required(parameters()?),
            SmtpEncryption::NoneOnThisMachine => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((user, file)) = &server.account {
            let password = read_password(file)?;
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(Self {
            from: from.clone(),
            transport: builder.build(),
        })
    }
}

/// The password of the account, without the line's end.
fn read_password(file: &Path) -> Result<Zeroizing<String>, Trouble> {
    let text = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| {
            Trouble::new(format!(
                "the file {} cannot be read ({error}); `mail_password_file` must name a file that \
                 holds the password of `mail_user`",
                file.display()
            ))
        })?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

impl Transport for Smtp {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>> {
        Box::pin(async move {
            let message = compose(letter, &self.from)?;
            match self.transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    let is_about_us = error
                        .status()
                        .is_some_and(|code| ABOUT_US.contains(&u16::from(code)));
                    Err(NotAccepted {
                        permanent: error.is_permanent() && !is_about_us,
                        error: error.to_string(),
                    })
                }
            }
        })
    }
}
