//! What people see of apps: on the way in, under Apps, on the way out, and what the apps said to it.

use std::time::Duration;

use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::{RegisteredUri, Registration, RelyingPartyStatus};
use nightlatch_storage::relying_parties;
use nightlatch_testkit::RelyingPartyClient;

use super::{Exhibit, Gallery, exhibit};
use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::stories::steps::{SHARED, log_out_in_the_menu, sign_in};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn exhibits() -> Vec<Exhibit> {
    let mut all = on_the_way_in();
    all.extend(errors());
    all.extend(one_s_apps());
    all.extend(on_the_way_out());
    all.extend(receipts());
    all
}

/// Sends the browser to sign in to an app that is registered for it.
async fn way_in(
    browser: &Browser,
    gallery: &Gallery,
    name: &'static str,
    change: fn(&mut Registration),
    parameters: &[(&str, &str)],
) -> Outcome {
    let app = gallery
        .ground
        .with(move |site| RelyingPartyClient::register(site, name, change))
        .await?;
    gallery.ground.advance(SECOND)?;
    browser.open(&app.authorize_url_with(parameters)).await
}

const fn first_party(app: &mut Registration) {
    app.first_party = true;
}

fn on_the_way_in() -> Vec<Exhibit> {
    vec![
        exhibit!("apps-empty", |browser, gallery| {
            browser.open("/account/apps").await?;
            browser.see("No apps yet").await?;
        }),
        exhibit!("consent", |browser, gallery| {
            way_in(browser, gallery, "Time sheets", |_| {}, &[]).await?;
            browser.see("Allow Time sheets?").await?;
        }),
        exhibit!("consent-long", |browser, gallery| {
            let scope = [("scope", "openid profile email offline_access")];
            let offline = |app: &mut Registration| app.offline_access = true;
            way_in(browser, gallery, "Mail merge", offline, &scope).await?;
            browser.see("also after you log out").await?;
        }),
        exhibit!("choose-account", |browser, gallery| {
            let choose = [("prompt", "select_account")];
            way_in(browser, gallery, "Travel desk", first_party, &choose).await?;
            browser.see("Choose an account").await?;
        }),
        exhibit!("choose-account-wrong", |browser, gallery| {
            let app = gallery.ground.with(|site| {
                let elsewhere = site.add_organization("Saltmarsh Books");
                RelyingPartyClient::register_in(site, elsewhere, "Book store", first_party)
            });
            browser.open(&app.await?.authorize_url()).await?;
            browser.see("belongs to another organization").await?;
        }),
        exhibit!("app-proof", |browser, gallery| {
            let anew = [("prompt", "login")];
            way_in(browser, gallery, "Payroll", first_party, &anew).await?;
            browser.see("Payroll asks you to confirm it's you").await?;
        }),
        exhibit!("app-proof-refused", |browser, gallery| {
            browser.fill("Your password", "not my password").await?;
            browser.press("Continue").await?;
            browser.see("That is not your password.").await?;
        }),
    ]
}

fn errors() -> Vec<Exhibit> {
    vec![
        exhibit!("app-problem-unknown", |browser, gallery| {
            browser
                .open("/oauth2/authorize?client_id=nobody&response_type=code")
                .await?;
            browser.see("We do not know this app").await?;
        }),
        exhibit!("app-problem-address", |browser, gallery| {
            let home = |app: &mut Registration| {
                app.home = RegisteredUri::parse("https://expenses.example/").ok();
            };
            let wrong = [("redirect_uri", "https://elsewhere.example/callback")];
            way_in(browser, gallery, "Expenses", home, &wrong).await?;
            browser.see("The app sent us a wrong address").await?;
        }),
        exhibit!("app-problem-withdrawn", |browser, gallery| {
            let app = gallery.ground.with(|site| {
                let client = RelyingPartyClient::register(site, "Old wiki", |_| {});
                let id = client.id;
                site.write(move |tx| {
                    let found = relying_parties::find(tx, id)?.expect("an app");
                    let withdrawn = RelyingPartyStatus::Withdrawn;
                    relying_parties::set_status(tx, found.id, withdrawn)
                });
                client
            });
            browser.open(&app.await?.authorize_url()).await?;
            browser.see("This app is not in use any more").await?;
        }),
        exhibit!("app-problem-gone", |browser, gallery| {
            let nothing = "A".repeat(43);
            browser
                .open(&format!("/oauth2/authorize/{nothing}"))
                .await?;
            browser.see("This sign-in is over").await?;
        }),
    ]
}

fn one_s_apps() -> Vec<Exhibit> {
    vec![
        exhibit!("apps", |browser, gallery| {
            let ada = gallery.ada().clone();
            let entered = gallery.ground.with(move |site| {
                for name in ["Wiki", "Files", "Mail", "Board", "Notes"] {
                    let app = site.connect_app(name, |_| {});
                    site.enter_app_everywhere(&ada, &app);
                }
                let old = site.connect_app("Inventory", |app| {
                    app.backchannel_logout_uris.clear();
                    app.worst_case_minutes = Some(45);
                });
                site.enter_app_everywhere(&ada, &old);
                let framed = site.connect_app("Canteen", |app| {
                    app.backchannel_logout_uris.clear();
                    let page = RegisteredUri::parse("https://canteen.example.net/out");
                    app.frontchannel_logout_uri = page.ok();
                });
                site.enter_app_everywhere(&ada, &framed);
                let backup = site.connect_app("Backup", |app| app.offline_access = true);
                let mut phone = site.browser();
                phone.sign_in(&ada);
                site.grant_long_lived(&phone, &backup);
                phone.log_out();
            });
            entered.await?;
            browser.open("/account/apps").await?;
            browser.see("this one included").await?;
            browser.see("It goes on by itself").await?;
        }),
        exhibit!("ending-app-left", |browser, gallery| {
            browser.press("Log out of Notes only").await?;
            browser.see("You were logged out of that app.").await?;
            browser.see("An app was left").await?;
        }),
        exhibit!("log-out-all-with-apps", |browser, gallery| {
            browser.open("/account/sessions/log-out-all").await?;
            browser.see("Also end the access of 1 app").await?;
        }),
    ]
}

fn on_the_way_out() -> Vec<Exhibit> {
    vec![
        exhibit!("end-session", |browser, gallery| {
            let app = gallery
                .ground
                .with(|site| RelyingPartyClient::register(site, "Guest book", |_| {}))
                .await?;
            browser
                .open(&format!("/oauth2/logout?client_id={}", app.id))
                .await?;
            browser.see("Guest book asks to log you out.").await?;
        }),
        exhibit!("end-session-other-account", |browser, gallery| {
            let grace = gallery.administrator.clone();
            let way_out = gallery.ground.with(move |site| {
                let app = site.connect_app("Ledger", |_| {});
                let mut elsewhere = site.browser();
                elsewhere.sign_in(&grace);
                site.enter_app(&elsewhere, &app);
                let hint = site.id_token(&elsewhere, &app);
                format!("/oauth2/logout?id_token_hint={hint}")
            });
            browser.open(&way_out.await?).await?;
            browser
                .see("The app was used with another account.")
                .await?;
        }),
    ]
}

/// One app answers in each way.
async fn settle(gallery: &Gallery) -> Outcome {
    let ada = gallery.ada().clone();
    gallery.ground.advance(SECOND)?;
    let settled = gallery.ground.with(move |site| {
        let sessions = site.sessions_of(&ada);
        let last = sessions
            .iter()
            .filter_map(|row| row.ended.as_ref().map(|ended| (ended.at, row.id)))
            .max_by_key(|(at, _)| *at)?;
        let notices = site.notices_of_session(last.1);
        for (name, state, status) in [
            ("Wiki", NoticeState::Confirmed, Some(200)),
            ("Files", NoticeState::Failed, Some(403)),
            ("Mail", NoticeState::GaveUp, Some(503)),
            ("Board", NoticeState::Superseded, None),
        ] {
            let found = notices.iter().find(|one| one.envelope.app == name)?;
            site.settle(found, state, status);
        }
        Some(())
    });
    let settled = settled.await?;
    settled.ok_or_else(|| Failure::new("not every app has to be told"))
}

fn receipts() -> Vec<Exhibit> {
    vec![
        exhibit!("receipt-telling", |browser, gallery| {
            // No other ending is as young as this one.
            gallery.ground.advance(Duration::from_mins(30))?;
            browser.open("/").await?;
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see("You logged out in this browser.").await?;
            browser.see("Still telling it").await?;
            browser.see("We also opened the sign-out page").await?;
        }),
        exhibit!("receipt-settled", |browser, gallery| {
            settle(gallery).await?;
            browser.see("The app confirmed it").await?;
            browser.see("Did not answer").await?;
            browser.see_no_more("Still telling it").await?;
        }),
        exhibit!("login-for-app", |browser, gallery| {
            way_in(browser, gallery, "Room booking", |_| {}, &[]).await?;
            browser.see("Sign in to go on to Room booking.").await?;
        }),
        exhibit!("end-session-nobody", |browser, gallery| {
            // The receipt of the last log-out is told once more.
            browser.open("/oauth2/logout").await?;
            browser.see("You are logged out").await?;
        }),
        exhibit!("ending", |browser, gallery| {
            sign_in(browser, gallery.ada(), &[]).await?;
            browser.open("/account/history?show=endings").await?;
            browser.follow("Details: Session ended just now").await?;
            browser.see("Your apps").await?;
        }),
        exhibit!("receipt-shared", |browser, gallery| {
            browser.open("/").await?;
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see("You logged out in this browser.").await?;
            sign_in(browser, gallery.ada(), &[SHARED]).await?;
            let ada = gallery.ada().clone();
            let entered = gallery.ground.with(move |site| {
                for name in ["Clinic", "Pension"] {
                    let app = site.connect_app(name, |_| {});
                    site.enter_app_everywhere(&ada, &app);
                }
                let old = site.connect_app("Lockers", |app| app.backchannel_logout_uris.clear());
                site.enter_app_everywhere(&ada, &old);
            });
            entered.await?;
            browser.press_beside("Shared computer", "Log out").await?;
            browser.see("Cannot be told: 1 app").await?;
            browser.does_not_see("Clinic").await?;
        }),
    ]
}
