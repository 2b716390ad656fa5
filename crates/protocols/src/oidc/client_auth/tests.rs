//! What is read of a request, before anything is looked up.

use super::*;

const ID: &str = "0198c8a2-0000-7000-8000-000000000001";

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn of(header: Option<&str>, body: &str) -> Result<&'static str, RefusalCode> {
    match read(header, &Parameters::parse(body.as_bytes()).unwrap()) {
        Ok(Presented::Secret(..)) => Ok("secret"),
        Ok(Presented::Assertion(..)) => Ok("assertion"),
        Ok(Presented::Nothing(_)) => Ok("nothing"),
        Err(refusal) => Err(refusal.code),
    }
}

#[test]
fn oidc_19_exactly_one_way_is_read() {
    use RefusalCode::{InvalidClient, InvalidRequest};
    let header = basic(ID, "s");
    let assertion = format!("client_assertion=x&client_assertion_type={ASSERTION_TYPE}");
    assert_eq!(of(Some(&header), ""), Ok("secret"));
    assert_eq!(of(Some(&header), &format!("client_id={ID}")), Ok("secret"));
    assert_eq!(
        of(None, &format!("client_id={ID}&client_secret=s")),
        Ok("secret")
    );
    assert_eq!(of(None, &assertion), Ok("assertion"));
    assert_eq!(of(None, &format!("client_id={ID}")), Ok("nothing"));
    let several = format!("client_id={ID}&client_secret=s");
    assert_eq!(of(Some(&header), &several), Err(InvalidRequest));
    assert_eq!(of(Some(&header), &assertion), Err(InvalidRequest));
    assert_eq!(
        of(None, &format!("{several}&{assertion}")),
        Err(InvalidRequest)
    );
    assert_eq!(of(None, "client_assertion=x"), Err(InvalidRequest));
    let other = "client_id=0198c8a2-0000-7000-8000-000000000002";
    assert_eq!(of(Some(&header), other), Err(InvalidClient));
    for missing in ["", "client_secret=s", "client_id=", "client_id=x"] {
        assert_eq!(of(None, missing), Err(InvalidClient), "{missing}");
    }
    for broken in ["Bearer x", "Basic", "Basic !", "Basic eA=="] {
        assert_eq!(of(Some(broken), ""), Err(InvalidClient), "{broken}");
    }
    // Another spelling of the same bytes is no name of ours.
    let odd = ID.to_uppercase().replace('-', "");
    assert_eq!(of(None, &format!("client_id={odd}")), Err(InvalidClient));
}

#[test]
fn both_halves_of_the_header_are_decoded_like_forms() {
    let (id, secret) = read_basic(&basic("a%3Ab", "p%26+%25")).unwrap();
    assert_eq!((id.as_str(), secret.as_str()), ("a:b", "p& %"));
    assert!(read_basic("basic YTpi").is_some(), "in any letter case");
}
