//! Nightlatch, an app, and a person with two devices.

use std::future::ready;
use std::process::Command;
use std::time::Duration;

use super::super::browser::{Answer, Browser};
use super::super::mail_server::free_port;
use super::super::nightlatch::{ADA, Nightlatch};
use super::super::process::Process;
use super::super::scratch::Scratch;
use super::process;
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// So long after a logout no app may let anybody in.
const SOON: Duration = Duration::from_secs(5);

/// What an app registers, as paths of its own.
pub(super) struct Paths {
    pub(super) callback: &'static str,
    pub(super) backchannel: Option<&'static str>,
    pub(super) goodbye: &'static str,
}

/// Nightlatch, an app, and Ada's two browsers.
pub(super) struct Scene {
    pub(super) nightlatch: Nightlatch,
    pub(super) app: Process,
    pub(super) laptop: Browser,
    pub(super) phone: Browser,
    // Dropped last: the others write into it.
    _scratch: Scratch,
}

impl Scene {
    pub(super) async fn new(
        paths: &Paths,
        command: impl FnOnce(&Scratch) -> Outcome<Command>,
    ) -> Outcome<Self> {
        let scratch = Scratch::new()?;
        let command = command(&scratch)?;
        Self::with(scratch, paths, &[], command).await
    }

    /// The same, with more options of `app add`.
    pub(super) async fn with(
        scratch: Scratch,
        paths: &Paths,
        options: &[String],
        command: Command,
    ) -> Outcome<Self> {
        let mut nightlatch = Nightlatch::install(&scratch, &[])?;
        let port = free_port()?;
        let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let mut all = vec![
            "--name=An app".to_owned(),
            format!("--redirect-uri={}", at(paths.callback)),
            format!("--post-logout-redirect-uri={}", at(paths.goodbye)),
            "--allow-private-network".to_owned(),
            "--first-party".to_owned(),
        ];
        all.extend_from_slice(options);
        all.extend(
            paths
                .backchannel
                .map(|path| format!("--backchannel-logout-uri={}", at(path))),
        );
        let registered = nightlatch.add_app(&all)?;
        nightlatch.start()?;
        let app =
            process::start(&scratch, command, &nightlatch.issuer(), &registered, port).await?;
        Ok(Self {
            nightlatch,
            app,
            laptop: Browser::default(),
            phone: Browser::default(),
            _scratch: scratch,
        })
    }

    /// Ada opens the app on both devices, signs in, and sees what is hers.
    pub(super) fn sign_in(&mut self) -> Outcome {
        let private = self.app.at("/private");
        for browser in [&mut self.laptop, &mut self.phone] {
            let page = browser.open(&private)?;
            ensure(
                page.url.as_str().starts_with(&self.nightlatch.issuer()),
                || format!("the app does not send her to us: {}", page.in_short()),
            )?;
            let entered = browser.sign_in(&page)?;
            ensure(entered.url.as_str().starts_with(&private), || {
                format!("she does not arrive: {}", entered.in_short())
            })?;
            entered.is_page(&format!("Only for {ADA}"))?;
        }
        Ok(())
    }

    /// The operator ends one of two sessions. The app forgets that one, by what it is told, and keeps the other.
    pub(super) async fn loses_one_session_only(&mut self) -> Outcome {
        let private = self.app.at("/private");
        self.nightlatch.end_a_session_of_ada()?;
        let (laptop, phone) = (&mut self.laptop, &mut self.phone);
        let mut look = || {
            Ok((
                is_refusal(&laptop.look(&private)?)?,
                is_refusal(&phone.look(&private)?)?,
            ))
        };
        wait::until("the app to forget a session", SOON, || {
            ready(look().map(|refused| (refused != (false, false)).then_some(())))
        })
        .await?;
        // Asked again: what was told is told as a whole by now.
        ensure(look()? != (true, true), || {
            "the other session is over as well".to_owned()
        })
    }

    /// The operator logs Ada out everywhere; both devices are refused soon.
    pub(super) async fn is_refused_after_a_logout(&mut self) -> Outcome {
        self.nightlatch.log_out_ada()?;
        self.is_refused().await
    }

    pub(super) async fn is_refused(&mut self) -> Outcome {
        let private = self.app.at("/private");
        for browser in [&mut self.laptop, &mut self.phone] {
            let mut look = || Ok(is_refusal(&browser.look(&private)?)?.then_some(()));
            wait::until("the app to refuse", SOON, || ready(look())).await?;
            // Whoever asks once more is led to the form, not through it.
            browser.open(&private)?.is_page("name=\"password\"")?;
        }
        Ok(())
    }

    /// The sessions that the app holds, as its ID tokens name them.
    pub(super) fn sids(&mut self) -> Outcome<Vec<String>> {
        let address = self.app.at("/sid");
        [&mut self.laptop, &mut self.phone]
            .into_iter()
            .map(|browser| Ok(browser.look(&address)?.body))
            .collect()
    }

    /// Every session came with a logout token that another implementation took for good.
    pub(super) async fn was_told_of(&mut self, mut sids: Vec<String>) -> Outcome {
        sids.sort();
        ensure(sids[0] != sids[1], || {
            "two devices in one session".to_owned()
        })?;
        let address = self.app.at("/ended");
        wait::until("logout tokens for both sessions", SOON, async || {
            let answer = Browser::default().look(&address)?;
            let mut told: Vec<&str> = answer.body.lines().collect();
            told.sort_unstable();
            if told == sids {
                return Ok(Some(()));
            }
            Err(Failure::new(format!("told of {told:?}, not of {sids:?}")))
        })
        .await
    }

    /// Adds what the programs complained of.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        failure.during(format!(
            "the app said: {}\nnightlatch said: {}\n",
            self.app.log(),
            self.nightlatch.log()
        ))
    }
}

/// An app refuses by saying so, or by sending the browser away.
pub(super) fn is_refusal(answer: &Answer) -> Outcome<bool> {
    Ok(answer.status == 401 || answer.leads_to()?.is_some())
}
