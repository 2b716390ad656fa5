//! The room of administrators.

use super::super::*;
use super::Gallery;
use super::cast::{Cast, time};

impl Gallery {
    pub(super) fn administration(&mut self, cast: Cast) {
        let some = cast != Cast::Plain;
        let roles = vec![("member", "Member", true), ("auditor", "Auditor", false)];
        let page = PeoplePage {
            frame: cast.signed_in(Nav::People),
            query: cast.name().to_owned(),
            roles: roles.clone(),
            statuses: vec![("active", "Active", some)],
            narrowed: some,
            people: (0..3)
                .map(|number| FoundPersonView {
                    href: format!("/admin/people/p{number}"),
                    name: cast.name().to_owned(),
                    initials: initials(cast.name()),
                    email: "ada@example.org".to_owned(),
                    role: (number == 1).then_some("Administrator"),
                    disabled: number == 2,
                })
                .collect(),
            newer: some.then(|| "/admin/people?q=".to_owned()),
            older: Some("/admin/people?q=&after=email.x".to_owned()),
        };
        self.hang(format!("people{}", cast.suffix()), page.title(), &page);
        let empty = PeoplePage {
            people: Vec::new(),
            ..page
        };
        self.hang(
            format!("people-none{}", cast.suffix()),
            empty.title(),
            &empty,
        );
        let session = SessionView {
            id: "s7".to_owned(),
            is_this: false,
            first_used: time("yesterday"),
            last_used: time("2 hours ago"),
            address: Some("192.0.2.1".to_owned()),
            place: some.then(|| cast.name().to_owned()),
            method: "Password".to_owned(),
            until: time("in 2 hours"),
            apps: vec![cast.name().to_owned()],
        };
        let page = MemberPage {
            frame: cast.signed_in(Nav::People),
            href: "/admin/people/p1".to_owned(),
            name: cast.name().to_owned(),
            email: "ada@example.org".to_owned(),
            role: "Member",
            disabled: cast == Cast::Nasty,
            since: time("last year"),
            factors: vec!["Password".to_owned(), "2 passkeys".to_owned()],
            groups: some.then(|| cast.name().to_owned()).into_iter().collect(),
            apps: vec![cast.name().to_owned()],
            browsers: vec![BrowserView {
                id: "s7".to_owned(),
                kind: DeviceKind::Laptop,
                own_name: None,
                label: cast.device().to_owned(),
                is_this: false,
                shared: some,
                sessions: vec![session],
            }],
            sessions: 1,
            entries: Vec::new(),
            older: some.then(|| "/admin/people/p1?after=1.x".to_owned()),
            may_act: cast != Cast::Long,
            oneself: false,
            mail_works: cast == Cast::Plain,
            roles,
        };
        self.hang(format!("member{}", cast.suffix()), page.title(), &page);
        let page = MemberActPage {
            frame: cast.signed_in(Nav::People),
            title: "Log out of all sessions?",
            name: cast.name().to_owned(),
            email: "ada@example.org".to_owned(),
            effects: vec!["This ends 6 sessions.".to_owned(), cast.name().to_owned()],
            action: "/admin/people/p1/log-out-all".to_owned(),
            role: None,
            reason: Some(cast.name().to_owned()),
            reason_error: some.then(|| "A reason has at most 500 characters.".to_owned()),
            button: "Log out of all sessions".to_owned(),
            destructive: true,
            cancel_href: "/admin/people/p1".to_owned(),
            proof: Proof::Fresh,
        };
        self.hang(format!("member-act{}", cast.suffix()), page.title(), &page);
    }
}
