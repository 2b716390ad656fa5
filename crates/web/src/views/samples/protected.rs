//! On the hosts of protected apps, and on the way to them.

use super::super::*;
use super::Gallery;
use super::cast::Cast;
use super::oidc::way;

impl Gallery {
    pub(super) fn protected_hosts(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
        let on_host = || {
            let mut frame = cast.frame(here);
            "https://login.example.com".clone_into(&mut frame.site);
            frame.js_url.clear();
            frame
        };
        for (name, this_site_only) in [("", true), ("-everything", false)] {
            let page = HostLogOutPage {
                frame: on_host(),
                app: cast.device().to_owned(),
                name: cast.name().to_owned(),
                email: "ada@example.org".to_owned(),
                csrf: "dG9rZW4".to_owned(),
                this_site_only,
            };
            let name = format!("host-log-out{name}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
        for (name, over) in [("", None), ("-over", Some(WhyEnded::AnotherDevice))] {
            let page = HostLeftPage {
                frame: on_host(),
                app: cast.name().to_owned(),
                over,
                again: "https://wiki.example.com/".to_owned(),
                everything: "https://login.example.com/logout".to_owned(),
            };
            let name = format!("host-left{name}{}", cast.suffix());
            self.hang(name, &page.title(), &page);
        }
        for problem in [
            HostProblem::NotSignedIn,
            HostProblem::NeedsSecondStep,
            HostProblem::DidNotWork,
        ] {
            let page = HostProblemPage {
                frame: on_host(),
                problem,
                app: cast.name().to_owned(),
                again: "/.nightlatch/sign-in?to=/pages/read".to_owned(),
                security: "https://login.example.com/account/security".to_owned(),
                reference: "7f3a-91c2".to_owned(),
            };
            let name = format!("host-problem-{problem:?}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
        let page = NoAccessPage {
            frame: cast.signed_in(here),
            way: way(cast),
        };
        self.hang(format!("no-access{}", cast.suffix()), page.title(), &page);
    }
}
