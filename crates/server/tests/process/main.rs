//! The real program as a process: started, killed, started again.
//!
//! What must survive `kill -9` (A7, G7) can only be shown by killing.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected fails"
)]

mod client;
mod delivery;
mod measures;
mod program;
mod receiver;

use nightlatch_storage::on_both_databases;
use nightlatch_storage::testing::TestDatabase;

use client::Client;
use delivery::dlv_01_what_was_ended_is_told_although_the_server_is_killed;
use measures::{
    a_mass_ending_takes_flat_memory_and_delays_nobody,
    a_thousand_apps_in_one_session_take_bounded_memory, c3_an_app_hears_within_a_moment,
};
use program::Program;

const PASSWORD: &str = "seven lanterns beneath a quiet harbor";

fn a7_a_logout_that_was_answered_survives_kill_9(which: TestDatabase) {
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut client = Client::new(program.port());
    client.sign_in(PASSWORD);
    let stolen = client.session_cookie();
    let answer = client.log_out();
    program.kill();
    assert_eq!(answer.status, 303, "the logout was answered");

    program.start();
    let mut thief = Client::new(program.port());
    thief.put_session_cookie(&stolen);
    for path in ["/", "/account/sessions", "/account/security"] {
        let answer = thief.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.location().starts_with("/login"), "{path}");
    }
    assert_eq!(thief.get("/api/v1/sessions").status, 401);
    program.stop();
}

fn g7_live_sessions_survive_kill_9_and_a_restart(which: TestDatabase) {
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(program.port())).collect();
    for client in &mut clients {
        client.sign_in(PASSWORD);
    }
    program.kill();
    program.start();
    for client in &mut clients {
        assert_eq!(client.get("/account/sessions").status, 200, "after kill -9");
    }
    program.stop();
    program.start();
    for client in &mut clients {
        assert_eq!(
            client.get("/account/sessions").status,
            200,
            "after a restart"
        );
    }
    program.stop();
}

fn the_command_line_ends_sessions_of_a_running_server_at_once(which: TestDatabase) {
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut client = Client::new(program.port());
    client.sign_in(PASSWORD);
    assert_eq!(client.get("/account/sessions").status, 200);
    program.run(
        &[
            "log-out",
            "--user",
            "ada@example.test",
            "--reason",
            "lost laptop",
        ],
        None,
    );
    assert_eq!(client.get("/account/sessions").status, 303);
    let page = client.get("/login");
    assert!(page.body.contains("lost laptop"), "the next page says why");
    program.stop();
}

on_both_databases!(
    a_mass_ending_takes_flat_memory_and_delays_nobody,
    a_thousand_apps_in_one_session_take_bounded_memory,
    c3_an_app_hears_within_a_moment,
    a7_a_logout_that_was_answered_survives_kill_9,
    dlv_01_what_was_ended_is_told_although_the_server_is_killed,
    g7_live_sessions_survive_kill_9_and_a_restart,
    the_command_line_ends_sessions_of_a_running_server_at_once
);
