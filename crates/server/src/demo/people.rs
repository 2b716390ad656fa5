//! The made-up people of Brightwater Trading.

use nightlatch_domain::user::Role;

/// The organization.
pub const ORGANIZATION: &str = "Brightwater Trading";

/// Whom its people may ask.
pub const CONTACT: &str = "the Brightwater help desk, extension 200";

/// The color of its pages.
pub const ACCENT: &str = "#0f766e";

/// A person, with the password that the demonstration prints.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Person {
    pub name: &'static str,
    pub email: &'static str,
    pub password: &'static str,
    pub role: Role,
}

/// Amara, Mateus, Yuki, Leïla; the past is told about them by these places.
pub const PEOPLE: [Person; 4] = [
    Person {
        name: "Amara Okafor",
        email: "amara.okafor@brightwater.example",
        password: "copper kettle under the fig tree",
        role: Role::Administrator,
    },
    Person {
        name: "Mateus Carvalho",
        email: "mateus.carvalho@brightwater.example",
        password: "seven lanterns by a quiet quay",
        role: Role::Member,
    },
    Person {
        name: "Yuki Tanaka",
        email: "yuki.tanaka@brightwater.example",
        password: "paper boats in the morning rain",
        role: Role::Member,
    },
    Person {
        name: "Leïla Haddad",
        email: "leila.haddad@brightwater.example",
        password: "orange blossom and slow bicycles",
        role: Role::Member,
    },
];

#[cfg(test)]
mod tests {
    use nightlatch_domain::password::check_new_password;
    use nightlatch_domain::secret::Password;

    use super::*;

    #[test]
    fn their_passwords_would_be_accepted() {
        for person in &PEOPLE {
            let password = Password::typed(person.password).expect("short enough");
            let names = [person.name, person.email, ORGANIZATION];
            assert_eq!(
                check_new_password(&password, &names),
                Ok(()),
                "{}",
                person.name
            );
        }
    }
}
