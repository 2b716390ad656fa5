//! What the operator does at the command line.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Scope};
use nightlatch_domain::ids::{OrganizationId, UserId};
use nightlatch_domain::organization::Settings;
use nightlatch_domain::secret::Password;
use nightlatch_domain::user::{EmailAddress, EmailKey, Role};
use nightlatch_flows::log_out::EndingDone;
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_flows::password_hashing::PasswordVerdict;
use nightlatch_flows::people::{self, AddOrganizationOutcome, AddUserOutcome, NewUser};
use nightlatch_flows::set_up;
use nightlatch_flows::sign_in::{self, Attempt, Begun, SignInOutcome, SignedIn};
use nightlatch_storage::organizations;
use nightlatch_web::signals::Concern;

use crate::jar::Jar;
use crate::site::Site;

/// The password of every account that the operator adds.
pub const PASSWORD: &str = "seven lanterns beneath a quiet harbor";

/// Records of passwords, made once: what they cost is not what stories are about.
static RECORDS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Where it belongs.
    pub organization: OrganizationId,
    /// The person's name.
    pub name: String,
    /// The address it signs in with.
    pub email: String,
}

impl Site {
    /// The record of a password.
    ///
    /// # Panics
    ///
    /// If hashing fails.
    pub fn password_record(&self, password: &str) -> String {
        let mut records = RECORDS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get(password) {
            return record.clone();
        }
        let typed = Password::typed(password).expect("short enough");
        let record = self.app().hashing.hash_blocking(&typed).expect("a record");
        records.insert(password.to_owned(), record.clone());
        record
    }

    /// Adds an organization.
    ///
    /// # Panics
    ///
    /// If another one has this name.
    pub fn add_organization(&self, name: &str) -> OrganizationId {
        let (moment, name) = (self.moment(), name.to_owned());
        match self.write(move |tx| people::add_organization(tx, &moment, &name)) {
            AddOrganizationOutcome::Added(id) => id,
            AddOrganizationOutcome::NameTaken => panic!("two organizations of one name"),
        }
    }

    /// Adds a member of the site's organization.
    pub fn add_person(&self, name: &str, email: &str) -> Account {
        self.add_to(self.organization(), name, email, Role::Member)
    }

    /// Adds an administrator of the site's organization.
    pub fn add_administrator(&self, name: &str, email: &str) -> Account {
        self.add_to(self.organization(), name, email, Role::Administrator)
    }

    /// Ada, who has most of the stories.
    pub fn add_ada(&self) -> Account {
        self.add_person("Ada Lovelace", "ada@brightwater.example")
    }

    /// Adds a person to an organization.
    ///
    /// # Panics
    ///
    /// If somebody has this address.
    pub fn add_to(
        &self,
        organization: OrganizationId,
        name: &str,
        email: &str,
        role: Role,
    ) -> Account {
        let new = NewUser {
            organization_id: organization,
            email: EmailAddress::parse(email).expect("an address"),
            name: name.to_owned(),
            role,
            password_record: self.password_record(PASSWORD),
        };
        let moment = self.moment();
        let outcome = self.write(move |tx| people::add_user(tx, &moment, &new, Actor::Operator));
        match outcome {
            AddUserOutcome::Added(id) => Account {
                id,
                organization,
                name: name.to_owned(),
                email: email.to_owned(),
            },
            AddUserOutcome::AddressTaken => panic!("{email} is taken"),
        }
    }

    /// Changes the settings of the site's organization.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        self.change_settings_of(self.organization(), change);
    }

    /// Changes the settings of an organization.
    pub fn change_settings_of(&self, id: OrganizationId, change: impl FnOnce(&mut Settings)) {
        let mut organization = self.read(move |tx| organizations::get(tx, id));
        change(&mut organization.settings);
        let moment = self.moment();
        self.write(move |tx| {
            let what = "changed by a story".to_owned();
            people::set_settings(tx, &moment, &organization, Actor::Operator, what)
        });
    }

    /// Disables an account.
    pub fn disable(&self, account: &Account) -> EndingDone {
        let (moment, id) = (self.moment(), account.id);
        let done = self.write(move |tx| people::disable(tx, &moment, id, Actor::Operator));
        self.app().signals.ended(Concern::User(id));
        done
    }

    /// Enables an account again.
    pub fn enable(&self, account: &Account) {
        let (moment, id) = (self.moment(), account.id);
        self.write(move |tx| people::enable(tx, &moment, id, Actor::Operator));
    }

    /// Deletes an account.
    pub fn delete(&self, account: &Account) -> EndingDone {
        let (moment, id) = (self.moment(), account.id);
        let done = self.write(move |tx| people::delete(tx, &moment, id, Actor::Operator));
        self.app().signals.ended(Concern::User(id));
        done
    }

    /// Sets somebody's password.
    pub fn set_password(&self, account: &Account, password: &str) -> EndingDone {
        let (moment, id) = (self.moment(), account.id);
        let record = self.password_record(password);
        let done = self.write(move |tx| people::set_password(tx, &moment, id, &record));
        self.app().signals.ended(Concern::User(id));
        done
    }

    /// Ends one session, or all of an account.
    pub fn end_for(&self, account: &Account, scope: Scope, reason: Option<&str>) -> EndingDone {
        let (moment, reason) = (self.moment(), reason.map(str::to_owned));
        let done =
            self.write(move |tx| end_for_operator(tx, &moment, scope.clone(), reason.clone()));
        self.app().signals.ended(Concern::User(account.id));
        done
    }

    /// Logs out everybody of an organization, or of the whole site.
    pub fn log_out_everybody(
        &self,
        organization: Option<OrganizationId>,
        reason: &str,
    ) -> EndingDone {
        let (moment, reason) = (self.moment(), reason.to_owned());
        let done = self.write(move |tx| {
            let scope = organization.map_or(Scope::Deployment, Scope::Organization);
            end_for_operator(tx, &moment, scope, Some(reason.clone()))
        });
        self.app()
            .signals
            .ended(organization.map_or(Concern::Everybody, Concern::Organization));
        done
    }

    /// The code of a set-up link, if the site makes one.
    pub fn issue_set_up_link(&self) -> Option<String> {
        let moment = self.moment();
        self.write(move |tx| set_up::issue_link(tx, &moment))
            .map(|token| token.reveal())
    }

    /// Begins that many sessions of an account, each in a browser of its own,
    /// without hashing a password for each; returns their cookies.
    ///
    /// # Panics
    ///
    /// If one of them is refused.
    pub fn begin_sessions(&self, account: &Account, count: u32) -> Vec<String> {
        (0..count)
            .map(|number| self.begin_session(account, number).token.reveal())
            .collect()
    }

    /// The same; returns all cookies that each browser keeps.
    ///
    /// # Panics
    ///
    /// If one of them is refused.
    pub fn begin_sessions_in_browsers(&self, account: &Account, count: u32) -> Vec<Jar> {
        (0..count)
            .map(|number| {
                let begun = self.begin_session(account, number);
                let mut jar = Jar::with("__Host-nightlatch", &begun.token.reveal());
                let browser = begun.browser_token.expect("a browser that was new");
                jar.put("__Host-nightlatch-browser", &browser.reveal());
                jar
            })
            .collect()
    }

    fn begin_session(&self, account: &Account, number: u32) -> SignedIn {
        let address = IpAddr::from(
            (0xfd00_0000_0000_0000_0000_0000_0000_0000_u128 + u128::from(number) * (1 << 64))
                .to_be_bytes(),
        );
        let attempt = Attempt {
            email: EmailKey::of_typed(&account.email),
            password: Password::typed(PASSWORD).expect("short enough"),
            remember: false,
            shared: false,
            browser: None,
            replaces: None,
            trusted: None,
            return_to: String::new(),
            client: ClientDetails::new(Some(address), None, "a program that signs in often"),
        };
        self.advance(Duration::from_millis(1));
        let moment = self.moment();
        let right = PasswordVerdict::Right { rehashed: None };
        let outcome = self.write(move |tx| {
            let begun = sign_in::begin(tx, &moment, &attempt.email, None, &attempt.client)?;
            let Begun::Proceed(candidate) = begun else {
                panic!("sign-in {number} may not go on: {begun:?}");
            };
            sign_in::finish(tx, &moment, &attempt, &candidate, &right)
        });
        match outcome {
            SignInOutcome::SignedIn(signed_in) => *signed_in,
            other => panic!("sign-in {number} is refused: {other:?}"),
        }
    }
}
