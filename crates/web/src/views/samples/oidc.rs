//! On the way into an app.

use super::super::*;
use super::Gallery;
use super::cast::Cast;

pub(super) fn way(cast: Cast) -> AppWay {
    AppWay {
        app: cast.name().to_owned(),
        host: "crm.example.com".to_owned(),
        action: "/oauth2/authorize/t/consent".to_owned(),
        decline: "/oauth2/authorize/t/decline".to_owned(),
        switch_href: "/login?switch=yes&return_to=/oauth2/authorize/t".to_owned(),
    }
}

impl Gallery {
    pub(super) fn ways_into_apps(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
        let all = cast != Cast::Plain;
        let page = ConsentPage {
            frame: cast.signed_in(here),
            way: way(cast),
            profile: all,
            email: all,
            lasting: all.then(|| "365 days".to_owned()),
        };
        self.hang(format!("consent{}", cast.suffix()), &page.title(), &page);
        for (name, fits) in [("", true), ("-wrong", false)] {
            let page = ChooseAccountPage {
                frame: cast.signed_in(here),
                way: way(cast),
                fits,
            };
            let name = format!("choose-account{name}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
        let any = ProofLevel::Any { password: true };
        for (name, level, wanted) in [
            ("", any, ""),
            (
                "-second",
                ProofLevel::ForApp,
                ", this time with your second step",
            ),
            ("-passkey", ProofLevel::ForApp, ", this time with a passkey"),
        ] {
            let page = AppProofPage {
                frame: cast.signed_in(here),
                way: way(cast),
                wanted,
                proof: Proof::Needed {
                    error: all.then(|| "That is not right.".to_owned()),
                    ways: ProofWays {
                        level,
                        code: name == "-second" || all && name.is_empty(),
                        passkey: all || name == "-passkey",
                    },
                },
            };
            let name = format!("app-proof{name}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
        let page = FormPostPage {
            frame: cast.frame(here),
            action: "https://crm.example.com/callback".to_owned(),
            fields: vec![HiddenField {
                name: "state".to_owned(),
                value: cast.name().to_owned(),
            }],
        };
        self.hang(format!("form-post{}", cast.suffix()), page.title(), &page);
        for problem in [
            AppProblem::Unknown,
            AppProblem::Withdrawn,
            AppProblem::Address,
            AppProblem::Request,
            AppProblem::Gone,
        ] {
            let page = AppProblemPage {
                frame: cast.frame(here),
                problem,
                app: all.then(|| cast.name().to_owned()),
                home: all.then(|| "https://crm.example.com/".to_owned()),
                reference: "7f3a-91c2".to_owned(),
            };
            let name = format!("app-problem-{problem:?}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
    }
}
