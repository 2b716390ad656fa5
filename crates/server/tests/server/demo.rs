//! The demonstration's past.

use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_server::commands::{Command, Reply};
use nightlatch_server::demo::{past, people::PEOPLE};
use nightlatch_server::serve;
use nightlatch_storage::{StorageError, organizations};

use crate::running::Place;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_a_past_and_amara_four_sessions() {
    let place = Place::new();
    let prepared = serve::prepare(place.config.clone(), &place.world)
        .await
        .expect("prepared");
    past::live_through(prepared.app()).await.expect("told");
    let server = prepared.start().expect("a server");
    let mut counts = Vec::new();
    for person in &PEOPLE {
        let email = person.email.to_owned();
        let Reply::Sessions { sessions, .. } = place.done(Command::SessionList { email }).await
        else {
            panic!("no list");
        };
        counts.push(sessions.len());
        if person.name == "Amara Okafor" {
            assert!(
                sessions
                    .iter()
                    .any(|one| one.browser.starts_with("Kitchen laptop"))
            );
            assert!(sessions.iter().any(|one| one.kind == "shared"));
        }
    }
    assert_eq!(counts, [4, 1, 1, 1]);
    // Amara has been an administrator for months: where a second factor is demanded
    // she could open one page only, and the tour would end on it.
    let houses: Result<_, StorageError> = server
        .app()
        .store
        .read(|tx| organizations::list(tx, 9))
        .await;
    for house in houses.expect("organizations") {
        let demanded = house.settings.policy.second_factor.rule;
        assert_eq!(demanded, SecondFactorRule::Optional);
    }
    server.stop().await;
}
