//! An app asks for an address that is not registered: nobody is sent there, and whoever
//! runs the server finds in one line of the log which one was meant (B6).

use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{RelyingPartyClient, Site, TestDatabase, log_of};
use serde_json::Value;

on_both_databases!(
    b6_an_unregistered_return_address_is_one_line_with_the_nearest_registered_one,
    b6_an_unregistered_redirect_address_is_one_line_with_the_nearest_registered_one,
);

fn crm(site: &Site) -> RelyingPartyClient {
    RelyingPartyClient::register(site, "CRM", |registration| {
        let uris = ["https://crm.example/signed-out", "https://crm.example/"];
        let uris = uris.map(|text| RegisteredUri::parse(text).expect("an address"));
        registration.post_logout_redirect_uris = uris.to_vec();
    })
}

fn warnings(lines: Vec<Value>) -> Vec<Value> {
    let is_warning = |line: &Value| line["level"] == "WARN";
    lines.into_iter().filter(is_warning).collect()
}

fn b6_an_unregistered_return_address_is_one_line_with_the_nearest_registered_one(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let crm = crm(&site);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let ask = |address: &str| {
        let pairs = [
            ("client_id", crm.id.to_string()),
            ("post_logout_redirect_uri", address.to_owned()),
        ];
        let query = serde_urlencoded::to_string(pairs).expect("pairs of text");
        let mut browser = browser.clone();
        warnings(log_of(|| {
            drop(browser.open(&format!("/oauth2/logout?{query}")).expect(200));
        }))
    };
    let lines = ask("https://crm.example/signedout?person=ada");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let fields = &lines[0]["fields"];
    assert_eq!(fields["app"], "CRM");
    // What follows the question mark may name a person (RPL-09).
    assert_eq!(fields["received"], "https://crm.example/signedout");
    assert_eq!(
        fields["nearest_registered"],
        "https://crm.example/signed-out"
    );
    assert!(ask("https://crm.example/signed-out").is_empty());
}

fn b6_an_unregistered_redirect_address_is_one_line_with_the_nearest_registered_one(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let crm = crm(&site);
    let mut browser = site.browser();
    let address = "https://crm.example/callbacks";
    let lines = warnings(log_of(|| {
        let path = crm.authorize_url_with(&[("redirect_uri", address)]);
        drop(browser.open(&path).expect(400));
    }));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let fields = &lines[0]["fields"];
    assert_eq!(fields["app"], "CRM");
    let received = fields["redirect_uri"].to_string();
    assert!(received.contains(address), "{received}");
    assert_eq!(fields["nearest_registered"], "https://crm.example/callback");
}
