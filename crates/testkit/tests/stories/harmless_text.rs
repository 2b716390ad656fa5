//! Text that people and browsers bring is shown as text and stored as text
//! (DEV-05). That nothing of it breaks out of its place in a page is what the
//! testkit's reader of pages checks in every answer.

use nightlatch_domain::organization::AccentColor;
use nightlatch_domain::user::Role;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, Site, TestDatabase, UserAgent};

on_both_databases!(
    html_in_names_is_text_on_every_page,
    sql_in_names_is_text_in_every_statement,
    what_browsers_call_themselves_is_text,
    names_of_every_script_are_kept,
    a_color_cannot_break_out_of_its_style,
);

const HTML: &str =
    "\"'></title></bdi><script>alert(1)</script><img src=x onerror=alert(1)>&amp;&lt;";
const SQL: &str = "Robert'); DROP TABLE sessions; -- $1 ${x} %s {{7*7}} \\";

/// Opens every page that shows something of a person.
fn look_everywhere(browser: &mut Browser<'_>) {
    for path in [
        "/",
        "/login",
        "/login?switch=yes",
        "/logout",
        "/signed-out",
        "/help",
        "/account/profile",
        "/account/security",
        "/account/sessions",
        "/account/sessions/log-out-all",
        "/account/sessions/log-out-others",
        "/account/history",
        "/account/history?show=endings",
        "/nowhere",
    ] {
        browser.open(path);
        assert!(!browser.page().title.is_empty(), "{path}");
    }
}

fn person_called(site: &Site, text: &str) -> Account {
    let organization = site.add_organization(text);
    site.change_settings_of(organization, |settings| {
        settings.contact = Some(text.to_owned());
    });
    site.add_to(
        organization,
        text,
        "robert@harbor.example",
        Role::Administrator,
    )
}

fn lives_with(site: &Site, text: &str) {
    let robert = person_called(site, text);
    let agent = UserAgent::Other(text.to_owned());
    let mut browser = site.browser().calling_itself(agent.clone());
    let mut other = site.browser().calling_itself(agent);
    other.sign_in(&robert);
    browser.sign_in(&robert);
    assert!(browser.page().says(text));
    // As the name of a device, of a person, and typed into forms.
    browser.open("/account/sessions").expect(200);
    let own: String = text.chars().take(60).collect();
    browser.fill("Your name for it", &own);
    browser.press("Save name").expect(200);
    assert!(browser.page().says(own.trim()));
    browser.open("/account/profile").expect(200);
    browser.fill("Name", &format!("{text} again"));
    browser.press("Save name").expect(200);
    assert_eq!(
        browser.page().form("Save name").value("Name"),
        format!("{text} again")
    );
    look_everywhere(&mut browser);
    // By the API it comes back as it is.
    let profile = browser
        .api("GET", "/api/v1/profile", None)
        .expect(200)
        .json();
    assert_eq!(profile["name"], format!("{text} again"));
    assert_eq!(profile["organization"], text);
    // In what is asked again, reported and told afterwards.
    let path = format!("/account/sessions/{}/not-me", other.session_id());
    browser.open(&path).expect(200);
    browser
        .press("Log it out and change my password")
        .expect(200);
    site.log_out_everybody(Some(robert.organization), text);
    browser.open("/account/profile").expect(200);
    assert!(browser.page().says(text));
    // In what comes back from a failed sign-in.
    let mut nobody = site.browser();
    let answer = nobody.try_to_sign_in(text, text, Choices::default());
    let page = answer.expect(422).page();
    assert_eq!(page.form("Sign in").value("E-mail address"), text);
    assert!(!page.says(text));
}

fn html_in_names_is_text_on_every_page(which: TestDatabase) {
    lives_with(&Site::new(which), HTML);
}

fn sql_in_names_is_text_in_every_statement(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut hers = site.browser();
    hers.sign_in(&ada);
    lives_with(&site, SQL);
    // As addresses, cursors, ids and cookies.
    for value in [
        SQL,
        "' OR 1=1 --",
        "1; DELETE FROM users",
        "0' UNION SELECT hash FROM passwords--",
    ] {
        let query =
            serde_urlencoded::to_string([("after", value), ("show", value), ("page", value)]);
        let query = query.expect("pairs");
        hers.open(&format!("/account/history?{query}")).expect(200);
        hers.open(&format!("/account/sessions?{query}")).expect(200);
        let answer = hers.api("GET", &format!("/api/v1/history?{query}"), None);
        drop(answer.expect(200));
        let answer = site
            .browser()
            .try_to_sign_in(value, value, Choices::default());
        drop(answer.expect(422));
        let mut odd = site.browser();
        for name in [
            "__Host-nightlatch",
            "__Host-nightlatch-browser",
            "__Host-nightlatch-flash",
        ] {
            odd.jar.put(name, &value.replace(';', ","));
        }
        odd.open("/login").expect(200);
    }
    assert!(hers.is_signed_in());
}

fn what_browsers_call_themselves_is_text(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let long = "Mozilla/5.0 ".repeat(2_000);
    for agent in [
        HTML,
        "",
        " ",
        "\t",
        "\u{202e}\u{e9}\u{1f600}",
        long.as_str(),
    ] {
        let mut browser = site
            .browser()
            .calling_itself(UserAgent::Other(agent.to_owned()));
        browser.sign_in(&ada);
        browser.open("/account/sessions").expect(200);
        browser.open("/account/history").expect(200);
    }
    let longest = "SELECT CAST(MAX(LENGTH(user_agent)) AS BIGINT) FROM sessions";
    assert_eq!(site.count_rows(longest), 400);
}

fn names_of_every_script_are_kept(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    for name in [
        "\u{5d0}\u{5d3}\u{5d4} \u{5dc}\u{5d0}\u{5d1}",
        "愛達·勒芙蕾絲",
        "Ada \u{1f469}\u{200d}\u{1f4bb}",
        "x",
        &"ö".repeat(200),
    ] {
        browser.open("/account/profile").expect(200);
        browser.fill("Name", name);
        browser.press("Save name").expect(200);
        assert_eq!(browser.page().form("Save name").value("Name"), name);
    }
    // What would turn the words around it is left out.
    browser.open("/account/profile").expect(200);
    browser.fill("Name", "Zo\u{eb} \u{202e}gnorw\u{7}");
    browser.press("Save name").expect(200);
    assert_eq!(
        browser.page().form("Save name").value("Name"),
        "Zo\u{eb} gnorw"
    );
    for refused in ["", "   ", "\u{7}", &"x".repeat(201)] {
        browser.open("/account/profile").expect(200);
        browser.fill("Name", refused);
        browser.press("Save name").expect(422);
        assert!(
            browser
                .page()
                .says("Please enter a name of 1 to 200 characters.")
        );
    }
}

fn a_color_cannot_break_out_of_its_style(which: TestDatabase) {
    let site = Site::new(which);
    for bad in ["red", "#12345", "#1234567", "#12345}", "</style>", "url(x)"] {
        assert!(AccentColor::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    site.change_settings(|settings| {
        settings.accent = Some(AccentColor::try_from("#B3261E".to_owned()).expect("a color"));
    });
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    assert!(browser.open("/").text().contains("#b3261e"));
}
