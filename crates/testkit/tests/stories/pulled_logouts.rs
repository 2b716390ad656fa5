//! Apps that come for their logouts themselves: those that cannot be reached, and those
//! with several replicas (RFC 8936; C6, C7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::ids::{EndingId, SigningKeyId};
use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::{ClientAuthentication, SigningAlgorithm};
use nightlatch_flows::apps;
use nightlatch_flows::delivery::ResendOutcome;
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_protocols::jose::{NewKey, TokenType};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Answer, Site, TestDatabase, ToldApp};
use serde_json::{Value, json};

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    c6_an_app_comes_for_its_logouts_and_acknowledges_them,
    c7_every_replica_learns_of_every_logout,
    nobody_reads_or_acknowledges_what_another_app_is_owed,
    only_the_app_itself_may_poll,
    an_app_proves_itself_here_as_everywhere_else,
    a_withdrawn_app_hears_what_it_is_owed_and_then_nothing,
    what_is_sent_again_after_days_is_offered,
    a_reader_that_refuses_is_visible_and_can_be_served_again,
    what_nobody_comes_for_is_given_up,
    a_waiting_poll_hears_at_once,
    odd_polls_are_refused_in_words,
);

fn pulling(site: &Site, name: &str) -> ToldApp {
    site.add_told_app(name, &[], |app| app.pulls_logouts = true)
}

/// One more session that enters the app and ends.
fn log_out_once(site: &Site, account: &Account, app: &ToldApp) -> (EndingId, String) {
    site.begin_sessions(account, 1);
    let id = site.sessions_of(account).last().expect("a session").id;
    site.record_entry(id, app);
    let moment = site.moment();
    let request = EndingRequest {
        scope: Scope::Session(id),
        cause: Cause::LoggedOut,
        actor: Actor::Operator,
        reason: None,
    };
    let ending = site.write(move |tx| end_sessions(tx, &moment, &request)).id;
    (ending, id.to_string())
}

fn ask(site: &Site, path: &str, authorization: &str, body: &[u8]) -> Answer {
    let mut program = site.browser();
    let mut ask = program.ask("POST", path).body(body);
    if !authorization.is_empty() {
        ask = ask.header("authorization", authorization);
    }
    ask.header("content-type", "application/json").send()
}

fn poll(site: &Site, app: &ToldApp, reader: &str, body: &Value) -> Value {
    let path = format!("/oauth2/events/poll?reader={reader}");
    let mut body = body.clone();
    body["returnImmediately"] = json!(true);
    let answer = ask(
        site,
        &path,
        &app.authorization(),
        body.to_string().as_bytes(),
    );
    let answer = answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

/// The ids of an answer, oldest first.
fn ids(answer: &Value) -> Vec<String> {
    let sets = answer["sets"].as_object().expect("sets");
    let mut ids: Vec<_> = sets.keys().cloned().collect();
    ids.sort();
    ids
}

fn state(site: &Site, ending: EndingId) -> NoticeState {
    site.notices_of(ending)[0].state
}

fn c6_an_app_comes_for_its_logouts_and_acknowledges_them(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    let (ending, session) = log_out_once(&site, &ada, &app);
    let ended_at = site.now().milliseconds() / 1000;
    assert_eq!(site.deliver(), 0, "nobody calls it");
    site.advance(MINUTE);
    let answer = poll(&site, &app, "one", &json!({}));
    let [id] = &ids(&answer)[..] else {
        panic!("one event: {answer}");
    };
    assert!(answer.get("moreAvailable").is_none());
    let token = answer["sets"][id].as_str().expect("a token");
    let keys = site.app().signing.current();
    let verified = keys.verify::<Value>(TokenType::SecurityEvent, token);
    let claims = verified.expect("a token of ours").claims;
    assert_eq!(claims["jti"], *id);
    assert_eq!(claims["iss"], site.origin());
    assert_eq!(claims["aud"], app.id.to_string());
    assert_eq!(claims["toe"], ended_at);
    assert_eq!(claims["sub_id"]["session"]["id"], session);
    assert_eq!(claims["sub_id"]["user"]["sub"], ada.id.to_string());
    let event = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    assert_eq!(claims["events"][event]["event_timestamp"], ended_at);
    // Never to be taken for an ID token or a logout token.
    assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
    assert!(keys.verify::<Value>(TokenType::Id, token).is_err());
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header"));
    let header: Value = serde_json::from_slice(&header.expect("base64")).expect("JSON");
    assert_eq!(header["typ"], "secevent+jwt");
    // Until it is acknowledged it comes again, under the same id (DLV-02).
    let again = poll(&site, &app, "one", &json!({}));
    assert_eq!(ids(&again), std::slice::from_ref(id));
    assert_eq!(state(&site, ending), NoticeState::Waiting);
    let empty = poll(&site, &app, "one", &json!({ "ack": [id] }));
    assert!(ids(&empty).is_empty());
    assert_eq!(state(&site, ending), NoticeState::Confirmed);
}

fn c7_every_replica_learns_of_every_logout(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    for reader in ["one", "two", "three"] {
        poll(&site, &app, reader, &json!({}));
    }
    let (ending, _) = log_out_once(&site, &ada, &app);
    let first = ids(&poll(&site, &app, "one", &json!({})));
    poll(&site, &app, "one", &json!({ "ack": first }));
    assert_eq!(
        state(&site, ending),
        NoticeState::Waiting,
        "two do not know"
    );
    assert_eq!(ids(&poll(&site, &app, "two", &json!({}))), first);
    poll(&site, &app, "two", &json!({ "ack": first }));
    assert_eq!(
        state(&site, ending),
        NoticeState::Waiting,
        "one does not know"
    );
    // The third has gone. It holds up nobody for longer than ten minutes.
    site.advance(MINUTE * 9);
    poll(&site, &app, "one", &json!({}));
    assert_eq!(state(&site, ending), NoticeState::Waiting);
    site.advance(MINUTE * 2);
    poll(&site, &app, "two", &json!({}));
    assert_eq!(state(&site, ending), NoticeState::Confirmed);
    // When it comes back it learns what it missed; a new one has nothing to forget.
    site.advance(MINUTE * 30);
    assert_eq!(ids(&poll(&site, &app, "three", &json!({}))), first);
    assert!(ids(&poll(&site, &app, "three", &json!({ "ack": first }))).is_empty());
    assert!(ids(&poll(&site, &app, "four", &json!({}))).is_empty());
    assert!(ids(&poll(&site, &app, "one", &json!({}))).is_empty());
}

fn nobody_reads_or_acknowledges_what_another_app_is_owed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (app, other) = (pulling(&site, "Intranet"), pulling(&site, "Gossip"));
    let (ending, _) = log_out_once(&site, &ada, &app);
    let known = ids(&poll(&site, &app, "one", &json!({})));
    assert!(ids(&poll(&site, &other, "one", &json!({}))).is_empty());
    let refused = json!({ "ack": known, "setErrs": { &known[0]: { "err": "x" } } });
    poll(&site, &other, "one", &refused);
    assert_eq!(state(&site, ending), NoticeState::Waiting);
    assert_eq!(ids(&poll(&site, &app, "one", &json!({}))), known);
}

fn only_the_app_itself_may_poll(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (app, other) = (pulling(&site, "Intranet"), pulling(&site, "Gossip"));
    log_out_once(&site, &ada, &app);
    let stranger = ToldApp {
        secret: other.secret.clone(),
        ..app.clone()
    };
    let right = app.authorization();
    for wrong in [
        stranger.authorization(),
        right.replace("Basic", "Bearer"),
        "Basic !!!".to_owned(),
        String::new(),
    ] {
        let answer = ask(&site, "/oauth2/events/poll", &wrong, b"{}");
        let answer = answer.expect(401);
        assert!(answer.header("www-authenticate").is_some());
        assert_eq!(answer.json()["err"], "authentication_failed");
    }
    ask(
        &site,
        "/oauth2/events/poll",
        &right,
        br#"{"returnImmediately":true}"#,
    )
    .expect(200);
}

fn an_app_proves_itself_here_as_everywhere_else(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let made = NewKey::generate(SigningAlgorithm::EdDsa, SigningKeyId::from_bytes([7; 16]));
    let made = made.expect("a key");
    let jwks = format!("{{\"keys\":[{}]}}", made.public_jwk);
    let signing = site.add_told_app("Signs", &[], |app| {
        app.pulls_logouts = true;
        app.authentication = ClientAuthentication::PrivateKeyJwt { jwks };
    });
    let secret = pulling(&site, "Secret");
    for app in [&signing, &secret] {
        log_out_once(&site, &ada, app);
    }
    let send = |authorization: &str, body: &Value| {
        ask(
            &site,
            "/oauth2/events/poll",
            authorization,
            body.to_string().as_bytes(),
        )
    };
    let mut in_form = json!({ "returnImmediately": true });
    in_form["client_id"] = json!(secret.id.to_string());
    in_form["client_secret"] = json!(secret.secret);
    assert_eq!(ids(&send("", &in_form).expect(200).json()).len(), 1);
    // Two ways at once are none.
    let both = send(&secret.authorization(), &in_form).expect(400);
    assert_eq!(both.json()["err"], "invalid_request");
    in_form["client_secret"] = json!(signing.secret);
    send("", &in_form).expect(401);
    in_form["client_secret"] = Value::Null;
    send("", &in_form).expect(401);
    let (now, name) = (site.now().milliseconds() / 1000, signing.id.to_string());
    let claims = json!({
        "iss": name, "sub": name, "aud": site.origin(), "iat": now, "exp": now + 60, "jti": "1",
    });
    let key = EncodingKey::from_ed_der(&made.private);
    let assertion = encode(&Header::new(Algorithm::EdDSA), &claims, &key).expect("signed");
    let signed = json!({
        "returnImmediately": true,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    });
    assert_eq!(ids(&send("", &signed).expect(200).json()).len(), 1);
    send("", &signed).expect(401);
    // It was registered to sign, so its secret opens nothing; and an app that keeps none
    // has nothing to pull with.
    send(&signing.authorization(), &json!({})).expect(401);
    site.change_told_app(&secret, |app| {
        app.authentication = ClientAuthentication::None;
    });
    send("", &json!({ "client_id": secret.id.to_string() })).expect(401);
}

fn a_withdrawn_app_hears_what_it_is_owed_and_then_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (app, idle) = (pulling(&site, "Intranet"), pulling(&site, "Idle"));
    site.begin_sessions(&ada, 1);
    let session = site.sessions_of(&ada).last().expect("a session").id;
    site.record_entry(session, &app);
    for one in [&app, &idle] {
        let (moment, place) = (site.moment(), (site.organization(), one.id));
        site.write(move |tx| apps::withdraw(tx, &moment, place, Actor::Operator, None))
            .expect("withdrawn");
    }
    // One that is owed nothing is a stranger.
    ask(&site, "/oauth2/events/poll", &idle.authorization(), b"{}").expect(401);
    let known = ids(&poll(&site, &app, "one", &json!({})));
    assert_eq!(known.len(), 1, "it hears of its own end");
    poll(&site, &app, "one", &json!({ "ack": known }));
    // What another replica may still come for is there as long as for any other app; then
    // nothing is.
    ask(&site, "/oauth2/events/poll", &app.authorization(), b"{}").expect(200);
    site.advance(DAY * 3 + SECOND);
    ask(&site, "/oauth2/events/poll", &app.authorization(), b"{}").expect(401);
}

fn what_is_sent_again_after_days_is_offered(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    let (ending, _) = log_out_once(&site, &ada, &app);
    let known = ids(&poll(&site, &app, "one", &json!({})));
    poll(
        &site,
        &app,
        "one",
        &json!({ "setErrs": { &known[0]: { "err": "x" } } }),
    );
    // It goes on asking, so its position is far behind that notice.
    for _ in 0..5 {
        site.advance(DAY);
        poll(&site, &app, "one", &json!({}));
    }
    let id = site.notices_of(ending)[0].id;
    assert_eq!(site.resend(id), ResendOutcome::Due);
    assert_eq!(ids(&poll(&site, &app, "one", &json!({}))), known);
    poll(&site, &app, "one", &json!({ "ack": known }));
    assert_eq!(state(&site, ending), NoticeState::Confirmed);
    assert_eq!(site.overview(&app).health.confirmed, 1);
}

fn a_reader_that_refuses_is_visible_and_can_be_served_again(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    let (ending, _) = log_out_once(&site, &ada, &app);
    let known = ids(&poll(&site, &app, "one", &json!({})));
    let error = json!({ "err": "invalid_key", "description": "never seen this key" });
    let answer = poll(
        &site,
        &app,
        "one",
        &json!({ "setErrs": { &known[0]: error } }),
    );
    assert!(ids(&answer).is_empty(), "it is not offered over and over");
    let notice = site.notices_of(ending).remove(0);
    assert_eq!(notice.state, NoticeState::Failed);
    assert!(
        notice
            .last_error
            .expect("words")
            .contains("never seen this key")
    );
    assert_eq!(site.resend(notice.id), ResendOutcome::Due);
    assert_eq!(ids(&poll(&site, &app, "one", &json!({}))), known);
    poll(&site, &app, "one", &json!({ "ack": known }));
    assert_eq!(state(&site, ending), NoticeState::Confirmed);
}

fn what_nobody_comes_for_is_given_up(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    let (ending, _) = log_out_once(&site, &ada, &app);
    site.advance(DAY * 3);
    site.tidy_up_notices();
    assert_eq!(state(&site, ending), NoticeState::Waiting);
    let metrics = site.app().metrics.to_text().expect("metrics");
    assert!(
        metrics.contains("nightlatch_notices_waiting 1"),
        "{metrics}"
    );
    site.advance(SECOND);
    site.tidy_up_notices();
    assert_eq!(state(&site, ending), NoticeState::GaveUp);
    assert!(ids(&poll(&site, &app, "one", &json!({}))).is_empty());
}

fn a_waiting_poll_hears_at_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let session = site.sessions_of(&ada)[0].id;
    site.record_entry(session, &app);
    poll(&site, &app, "one", &json!({}));
    let heard = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let answer = ask(
                &site,
                "/oauth2/events/poll?reader=one",
                &app.authorization(),
                b"{}",
            );
            answer.expect(200).json()
        });
        laptop.log_out();
        waiting.join().expect("an answer")
    });
    assert_eq!(ids(&heard).len(), 1);
}

fn odd_polls_are_refused_in_words(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = pulling(&site, "Intranet");
    for _ in 0..3 {
        log_out_once(&site, &ada, &app);
    }
    let send = |path: &str, body: &str| ask(&site, path, &app.authorization(), body.as_bytes());
    for (query, body) in [
        ("", "not JSON"),
        ("", "[]"),
        ("", r#"{"maxEvents": -1}"#),
        ("", r#"{"ack": "all"}"#),
        ("?reader=", "{}"),
        ("?reader=a%20b", "{}"),
    ] {
        let answer = send(&format!("/oauth2/events/poll{query}"), body).expect(400);
        assert_eq!(answer.json()["err"], "invalid_request", "{query} {body}");
        assert!(answer.json()["description"].as_str().expect("words").len() > 20);
    }
    // Unknown members and ids are passed over.
    let body = json!({ "maxEvents": 2, "ack": ["x"], "colour": "red" });
    let answer = poll(&site, &app, "one", &body);
    assert_eq!(ids(&answer).len(), 2);
    assert_eq!(answer["moreAvailable"], true);
    let only_acknowledging = poll(&site, &app, "one", &json!({ "maxEvents": 0 }));
    assert!(ids(&only_acknowledging).is_empty());
    let rest = poll(&site, &app, "one", &json!({ "ack": ids(&answer) }));
    assert_eq!(ids(&rest).len(), 1);
}
