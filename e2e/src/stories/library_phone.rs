//! A computer that is not to be trusted: the phone lets it in, and no secret is typed there.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_testkit::PASSWORD;

use super::ground::Ground;
use super::logging_out::is_led_to_the_reason;
use super::steps::{has_no_session_cookie, is_signed_in, is_signed_out, sees_nothing_of, sign_in};
use super::strong_forms::{code_on_screen, type_code};
use crate::browser::Browser;
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;

/// A code on the screen, typed on the phone; the limits of a shared computer; ended from Sessions in one click
/// (TOK-09, SHR-01, SHR-02).
pub(crate) async fn sign_in_with_my_phone_on_a_library_computer(
    stage: Stage,
    ground: Arc<Ground>,
) -> Outcome {
    let ada = &ground.ada;
    let phone = stage.browser(ground.site()).await?;
    sign_in(&phone, ada, &[]).await?;
    // A proof of a while ago is no proof that the phone is in its owner's hand.
    ground.advance(Duration::from_mins(11))?;
    let library = stage.browser(ground.site()).await?;
    library.open("/login").await?;
    library.follow("Sign in with your phone").await?;
    library.see("You type no password here.").await?;
    let code = code_on_screen(&library).await?;
    library.does_not_see("E-mail address").await?;
    type_code(&phone, &code).await?;
    phone
        .see("It gets the limits of a shared computer: 15 minutes without use, 2 hours at most")
        .await?;
    phone.fill("Your password", PASSWORD).await?;
    phone.press("Sign in on that computer").await?;
    phone.see("You are signed in over there").await?;

    // The yes waits until somebody over there says whose session it is to be.
    library.see("You will be signed in here as").await?;
    library.see(&ada.email).await?;
    library.press("Continue").await?;
    library.see("Your apps").await?;
    library.see("Shared computer").await?;
    is_limited(&library).await?;

    // In Sessions it is one click, and over there the next page says why.
    library.open("/account/profile").await?;
    phone.follow("See my sessions").await?;
    phone.see_path("/account/sessions").await?;
    phone.see("You have 2 sessions").await?;
    phone.press_beside("Shared computer", "Log out").await?;
    phone.see("One session was logged out.").await?;
    is_led_to_the_reason(&stage, &library, "logged out").await?;
    sees_nothing_of(&library, ada).await?;
    has_no_session_cookie(&library).await?;
    is_signed_out(&library, ada).await?;
    is_signed_in(&phone, ada).await?;

    // Left alone, it ends by itself after a quarter of an hour; the phone goes on.
    let code = code_on_screen(&library).await?;
    type_code(&phone, &code).await?;
    phone.press("Sign in on that computer").await?;
    phone.see("You are signed in over there").await?;
    library.see("You will be signed in here as").await?;
    library.press("Continue").await?;
    library.see("Your apps").await?;
    ground.advance(Duration::from_mins(15))?;
    library.open("/account/sessions").await?;
    library.see("this browser was not used for a while").await?;
    sees_nothing_of(&library, ada).await?;
    is_signed_out(&library, ada).await?;
    is_signed_in(&phone, ada).await
}

/// Nothing lasts in this browser, and nothing here reaches the account itself.
async fn is_limited(library: &Browser) -> Outcome {
    for cookie in library.cookies().await? {
        ensure(cookie.expiry.is_none(), || {
            format!("SHR-01: {} outlives the browser", cookie.name)
        })?;
    }
    library.open("/account/security").await?;
    library.see("15 minutes").await?;
    for offer in ["Change password", "Add an authenticator app", "Type a code"] {
        ensure(!library.has_button(offer).await?, || {
            format!("a session that a phone let in is offered “{offer}”")
        })?;
    }
    Ok(())
}
