//! The CRM as browsers and a provider meet it. The provider is made of a few answers; the
//! real one is in the stories of `e2e`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may panic"
)]

mod provider;

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use provider::{BASE_URL, CLIENT_ID, Key, World, now};

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// What the stream says next. It says it within two seconds, or the test fails; and it
/// says something, for browsers pass over an event without data.
async fn hear(stream: &mut Body) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(2), stream.frame()).await;
    let data = frame.expect("within 2 s").expect("a frame").unwrap();
    let text = String::from_utf8(data.into_data().unwrap().to_vec()).unwrap();
    assert!(text.contains("data: "), "{text}");
    text
}

#[tokio::test]
async fn a_logout_elsewhere_empties_this_app_within_two_seconds() {
    let world = World::start().await;
    let (mut laptop, mut phone) = (world.browser(), world.browser());
    let page = laptop.sign_in("s1").await;
    assert_eq!(page.location(), "/companies/1");
    let customer = laptop.open("/companies/1").await;
    assert_eq!(customer.status, StatusCode::OK);
    assert!(customer.text.contains("Harbor &#38; Finch"));
    assert!(customer.text.contains("Account menu: Ada Lovelace"));
    phone.sign_in("s2").await;

    let (mut here, mut there) = (laptop.stream().await, phone.stream().await);
    let token = world
        .key
        .sign("logout+jwt", &world.logout_claims("1", "s1"));
    assert_eq!(world.tell(&token).await, StatusCode::OK);
    assert!(hear(&mut here).await.contains("ended"));
    assert!(here.frame().await.is_none(), "the stream is over");
    let refused = laptop.open("/companies/1").await;
    assert_eq!(refused.location(), "/?to=%2Fcompanies%2F1");
    let welcome = laptop.open(refused.location()).await;
    assert!(welcome.text.contains("You have been signed out."));
    assert!(!welcome.text.contains("Ada"));
    // C12: two browsers, one ended, the other lives on.
    assert!(phone.is_signed_in().await);
    let quiet = tokio::time::timeout(Duration::from_millis(50), there.frame()).await;
    assert!(quiet.is_err(), "nothing is said to the other");
}

#[tokio::test]
async fn a_notice_that_is_not_good_ends_nothing() {
    let world = World::start().await;
    let mut browser = world.browser();
    browser.sign_in("s1").await;
    let good = world.logout_claims("1", "s1");
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("sid");
    let stranger = Key::new();
    for token in [
        String::new(),
        "not.a.token".to_owned(),
        world.key.sign("JWT", &good),
        world.key.sign("JWT", &world.id_claims("s1")),
        stranger.sign("logout+jwt", &good),
        world
            .key
            .sign("logout+jwt", &changed(&good, "iss", json!("http://a"))),
        world
            .key
            .sign("logout+jwt", &changed(&good, "aud", json!("wiki"))),
        world
            .key
            .sign("logout+jwt", &changed(&good, "exp", json!(now() - 61))),
        world
            .key
            .sign("logout+jwt", &changed(&good, "iat", json!(now() - 900))),
        world
            .key
            .sign("logout+jwt", &changed(&good, "events", json!({}))),
        world
            .key
            .sign("logout+jwt", &changed(&good, "nonce", json!("n"))),
        world.key.sign("logout+jwt", &without),
    ] {
        assert_eq!(world.tell(&token).await, StatusCode::BAD_REQUEST, "{token}");
        assert!(browser.is_signed_in().await, "{token}");
    }
    // A notice is used once: what was overheard ends no later session.
    let token = world.key.sign("logout+jwt", &good);
    assert_eq!(world.tell(&token).await, StatusCode::OK);
    assert_eq!(world.tell(&token).await, StatusCode::BAD_REQUEST);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn bcl_07_a_notice_that_overtakes_its_sign_in_counts() {
    let world = World::start().await;
    let token = world
        .key
        .sign("logout+jwt", &world.logout_claims("1", "s1"));
    assert_eq!(world.tell(&token).await, StatusCode::OK);
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("s1").await.location(), "/signed-out");
    assert!(!browser.is_signed_in().await);
    browser.sign_in("s2").await;
    assert!(browser.is_signed_in().await);

    // About a person, and older than the sign-in.
    let mut claims = changed(&world.logout_claims("2", ""), "sub", json!("ada"));
    claims.as_object_mut().unwrap().remove("sid");
    claims["toe"] = json!(now() - 3600);
    let late = world.key.sign("logout+jwt", &claims);
    assert_eq!(world.tell(&late).await, StatusCode::OK);
    assert!(browser.is_signed_in().await);
    claims["toe"] = json!(now());
    claims["jti"] = json!("3");
    let token = world.key.sign("logout+jwt", &claims);
    assert_eq!(world.tell(&token).await, StatusCode::OK);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn an_answer_that_belongs_to_another_sign_in_opens_nothing() {
    let world = World::start().await;
    for (name, value) in [
        ("nonce", json!("another")),
        ("aud", json!("wiki")),
        ("aud", json!([CLIENT_ID, "wiki"])),
        ("iss", json!("https://evil.example")),
        ("exp", json!(now() - 1)),
        ("sub", json!("bob")),
    ] {
        let mut browser = world.browser();
        let asked = browser.leave("/sign-in").await;
        let claims = changed(&world.id_claims("s1"), "nonce", json!(asked.get("nonce")));
        let claims = changed(&claims, name, value);
        let page = browser
            .come_back(&asked, world.key.sign("JWT", &claims))
            .await;
        assert!(!page.status.is_redirection(), "{name}");
        assert!(!browser.is_signed_in().await, "{name}");
    }
    // Signed by somebody else; of another kind; in another browser; twice; of another provider.
    let mut browser = world.browser();
    let asked = browser.leave("/sign-in").await;
    let claims = changed(&world.id_claims("s1"), "nonce", json!(asked.get("nonce")));
    let good = world.key.sign("JWT", &claims);
    let mut other = world.browser();
    other.leave("/sign-in").await;
    other.come_back(&asked, good.clone()).await;
    assert!(!other.is_signed_in().await);
    for forged in [
        Key::new().sign("JWT", &claims),
        world.key.sign("logout+jwt", &claims),
    ] {
        browser.come_back(&asked, forged).await;
        assert!(!browser.is_signed_in().await);
    }
    browser.come_back(&asked, good.clone()).await;
    assert!(!browser.is_signed_in().await, "a journey ends once");
    let asked = browser.leave("/sign-in").await;
    let state = asked.get("state");
    let elsewhere = format!("/callback?code=c&state={state}&iss=https://evil.example");
    assert_eq!(
        browser.open(&elsewhere).await.status,
        StatusCode::BAD_REQUEST
    );
    let refused = browser.leave("/sign-in").await.get("state");
    let page = browser
        .open(&format!("/callback?error=access_denied&state={refused}"))
        .await;
    assert!(page.text.contains("The sign-in was cancelled."));
}

#[tokio::test]
async fn signing_in_asks_for_what_it_should() {
    let world = World::start().await;
    let mut browser = world.browser();
    let asked = browser.leave("/sign-in?to=https://evil.example").await;
    assert!(asked.0.as_str().starts_with(&world.issuer));
    assert_eq!(asked.get("response_type"), "code");
    assert_eq!(asked.get("code_challenge_method"), "S256");
    assert_eq!(asked.get("redirect_uri"), format!("{BASE_URL}/callback"));
    assert_eq!(asked.get("scope"), "openid profile email");
    assert_eq!(asked.get("prompt"), "");
    let claims = changed(&world.id_claims("s1"), "nonce", json!(asked.get("nonce")));
    let page = browser
        .come_back(&asked, world.key.sign("JWT", &claims))
        .await;
    assert_eq!(page.location(), "/companies", "never somebody else's page");
    let again = browser.leave("/sign-in?choose").await;
    assert_eq!(again.get("prompt"), "select_account");
}

#[tokio::test]
async fn log_out_ends_the_session_here_and_leads_to_the_provider() {
    let world = World::start().await;
    let mut browser = world.browser();
    browser.sign_in("s1").await;
    let forged = browser.post("/log-out", &[], "cross-site").await;
    assert_eq!(forged.location(), "/");
    assert!(browser.is_signed_in().await);
    let mut stream = browser.stream().await;
    let page = browser.post("/log-out", &[], "same-origin").await;
    let to = provider::Asked(page.location().parse().unwrap());
    assert!(
        to.0.as_str()
            .starts_with(&format!("{}/logout?", world.issuer))
    );
    assert_eq!(to.get("client_id"), CLIENT_ID);
    assert_eq!(
        to.get("post_logout_redirect_uri"),
        format!("{BASE_URL}/signed-out")
    );
    assert_eq!(to.get("id_token_hint").split('.').count(), 3);
    assert!(hear(&mut stream).await.contains("ended"));
    assert!(!browser.is_signed_in().await);
    let page = browser.open("/signed-out").await;
    assert!(page.text.contains("You are signed out of the CRM."));
}

#[tokio::test]
async fn people_search_edit_and_see_who_changed_what() {
    let world = World::start().await;
    let (mut ada, mut visitor) = (world.browser(), world.browser());
    ada.sign_in("s1").await;
    let found = ada.open("/companies?q=optics").await.text;
    assert!(found.contains("Kestrel Optics") && !found.contains("Sunhill"));
    assert!(ada.open("/contacts?q=finch").await.text.contains("Ines"));
    let nothing = ada.open("/companies?q=%3Cscript%3E").await.text;
    assert!(nothing.contains("Nothing here says") && !nothing.contains("<script>"));

    let form = [
        ("name", "Harbor & Finch"),
        ("stage", "Won"),
        ("version", "1"),
    ];
    let mut stream = ada.stream().await;
    let page = ada.post("/companies/1/edit", &form, "cross-site").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = visitor
        .post("/companies/1/edit", &form, "same-origin")
        .await;
    assert_eq!(page.location(), "/?to=%2Fcompanies%2F1%2Fedit");
    let page = ada.post("/companies/1/edit", &form, "same-origin").await;
    assert_eq!(page.location(), "/companies/1?saved");
    let news = hear(&mut stream).await;
    assert!(news.contains("changed") && news.contains("/companies/1"));
    let shown = ada.open("/companies/1?saved").await.text;
    assert!(shown.contains("<del>Proposal sent</del> to <ins>Won</ins>"));
    let late = ada.post("/companies/1/edit", &form, "same-origin").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let wrong = [("name", ""), ("stage", "Won"), ("version", "2")];
    let wrong = ada.post("/companies/1/edit", &wrong, "same-origin").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Please enter a name."));
    let new = [("name", "Zephyr Kites"), ("stage", "First talk")];
    let page = ada.post("/companies/new", &new, "same-origin").await;
    let company = page.location().trim_end_matches("?saved").to_owned();
    let new = [("name", "Zoe")];
    let path = format!("{company}/contacts/new");
    ada.post(&path, &new, "same-origin").await;
    assert!(ada.open(&company).await.text.contains("Zoe"));
}

/// Every page of the CRM, asked for by a visitor.
#[tokio::test]
async fn visitors_see_no_record() {
    let world = World::start().await;
    let mut visitor = world.browser();
    for path in [
        "/companies",
        "/companies/1",
        "/companies/1/edit",
        "/companies/new",
        "/companies/1/contacts/new",
        "/companies/9999",
        "/contacts",
        "/contacts/2",
        "/contacts/2/edit",
    ] {
        let page = visitor.open(path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        assert!(page.location().starts_with("/?to=%2F"), "{path}");
        let welcome = visitor.open(page.location()).await;
        assert!(!welcome.text.contains("Finch"), "{path}");
    }
    let mut stream = visitor.stream().await;
    assert!(hear(&mut stream).await.contains("ended"));
}
