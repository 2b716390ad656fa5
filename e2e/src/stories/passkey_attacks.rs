//! Attacks on passkeys in which a browser takes part: what it refuses by itself, and what it signs although it
//! should not count (WAN-01, WAN-02, WAN-05, WAN-06). The tests of the server send every single lie; here the
//! question is whether real browsers and our server together leave a gap.
//!
//! Each attack is tried next to the same steps without the lie, which must work.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ground::Ground;
use super::passkeys::{Key, log_out};
use super::steps::{is_signed_in, is_signed_out, sign_in};
use crate::browser::{Browser, Engine};
use crate::failure::{Outcome, ensure};
use crate::harness::throwaway::Throwaway;
use crate::stage::Stage;

const SECURITY: &str = "/account/security";
const FINISH: &str = "POST /login/passkey/finish 403";

/// What attackers run in pages. Ends in a call of the driver.
const TOOLS: &str = "
const done = arguments[arguments.length - 1];
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
const base64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
  .replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '');
const post = async (path, body) => {
  const answer = await fetch(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Nightlatch': '1' }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  return { ...said, status: answer.status, problem: String(said.type || '').split(':').pop() };
};
const begin = () => post('/login/passkey/begin', {});
const ask = async (begun, change) => {
  const publicKey = { ...begun.publicKey, challenge: bytes(begun.publicKey.challenge), allowCredentials: [], ...change };
  const { id, rawId, type, response } = await navigator.credentials.get({ publicKey });
  return { id, rawId: base64(rawId), type, response: {
    authenticatorData: base64(response.authenticatorData), clientDataJSON: base64(response.clientDataJSON),
    signature: base64(response.signature), userHandle: response.userHandle ? base64(response.userHandle) : null,
  } };
};
const finish = (begun, credential) => post('/login/passkey/finish', { ceremony: begun.ceremony, credential });
const run = (attack) => attack().then(done, (error) => done({ thrown: error.name }));
";

/// Runs a script's body in the page and returns what it returns, or `thrown` with the name of what it threw.
async fn run(browser: &Browser, body: &str) -> Outcome<Value> {
    browser.note("run a script");
    browser
        .evaluate_later(&format!("{TOOLS} run(async () => {{ {body} }});"))
        .await
}

/// The same with an authenticator at hand.
async fn run_with(key: &Key<'_>, browser: &Browser, body: &str) -> Outcome<Value> {
    key.take().await?;
    let found = run(browser, body).await;
    key.lay_aside().await?;
    found
}

fn expect(found: &Value, key: &str, wanted: &str) -> Outcome {
    ensure(found[key] == json!(wanted), || {
        format!("expected {key} {wanted:?}, found {found}")
    })
}

/// Goes to a page of ours that asks for no passkey by itself, known there as whoever opened the sign-in page.
async fn open_help(browser: &Browser) -> Outcome {
    browser.open("/login").await?;
    browser
        .see("You are not signed in on this browser.")
        .await?;
    browser.open("/help").await
}

/// Ada has a passkey in a browser's authenticator, and is logged out.
async fn ada_with_a_passkey<'a>(browser: &'a Browser, ground: &'a Ground) -> Outcome<Key<'a>> {
    let key = Key::new(browser, ground).await?;
    sign_in(browser, &ground.ada, &[]).await?;
    key.add_passkey("Blue key").await?;
    log_out(browser, &ground.ada).await?;
    Ok(key)
}

/// A page of somebody else has the person's authenticator answer our challenge, and hands the answer in from a
/// browser of its own.
pub(crate) async fn passkey_at_the_wrong_origin(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let victim = stage.browser(ground.site()).await?;
    let key = ada_with_a_passkey(&victim, &ground).await?;
    let attacker = stage.browser(ground.site()).await?;
    let phishing = Throwaway::start().await?;
    // Two ports of one host share what a passkey is bound to, so the browser signs; only the origin in what it
    // signed tells the difference.
    let places = [
        (phishing.site().address("/"), "passkey-refused"),
        (ground.site().address("/help"), ""),
    ];
    for (place, problem) in places {
        open_help(&attacker).await?;
        let begun = run(&attacker, "return begin();").await?;
        victim.open(&place).await?;
        let signed = run_with(&key, &victim, &format!("return ask({begun});")).await?;
        ensure(signed["response"].is_object(), || {
            format!("the browser did not sign at {place}: {signed}")
        })?;
        let handed_in = format!("return finish({begun}, {signed});");
        let found = run(&attacker, &handed_in).await?;
        expect(&found, "problem", problem)?;
        if problem.is_empty() {
            // The guard of this story: at our own origin the same steps would have let the attacker in.
            is_signed_in(&attacker, &ground.ada).await?;
        } else {
            ground.expect_errors(&[FINISH])?;
            is_signed_out(&attacker, &ground.ada).await?;
        }
    }
    // At another host the browser itself refuses.
    let elsewhere = phishing
        .site()
        .address("/")
        .replace("localhost", "127.0.0.1");
    attacker.delete_all_cookies().await?;
    open_help(&attacker).await?;
    let begun = run(&attacker, "return begin();").await?;
    victim.open(&elsewhere).await?;
    let found = run_with(&key, &victim, &format!("return ask({begun});")).await?;
    expect(&found, "thrown", "SecurityError")
}

/// An authenticator that lies about whose key it holds opens neither account (WAN-06).
pub(crate) async fn passkey_of_another_user(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let hers = stage.browser(ground.site()).await?;
    let her_key = ada_with_a_passkey(&hers, &ground).await?;
    let her_credential = her_key.credential().await?;

    let bob = ground
        .with(|site| site.add_person("Bob Byron", "bob@brightwater.example"))
        .await?;
    let his = stage.browser(ground.site()).await?;
    let his_key = Key::new(&his, &ground).await?;
    sign_in(&his, &bob, &[]).await?;
    his_key.add_passkey("Red key").await?;
    log_out(&his, &bob).await?;
    let his_credential = his_key.credential().await?;

    // His key, said to be hers; then under the id of hers as well.
    let mut lying = his_credential.clone();
    lying["userHandle"] = her_credential["userHandle"].clone();
    let mut posing = lying.clone();
    posing["credentialId"] = her_credential["credentialId"].clone();
    let mut swapped = his_credential.clone();
    swapped["credentialId"] = her_credential["credentialId"].clone();
    for lie in [lying, posing, swapped] {
        his_key.replace_credential(&lie).await?;
        his_key
            .try_at("/login", "That passkey did not work.")
            .await?;
        is_signed_out(&his, &ground.ada).await?;
        is_signed_out(&his, &bob).await?;
        ground.expect_errors(&[FINISH])?;
    }
    // The guard: put in the same way, without the lie, it is his.
    his_key.replace_credential(&his_credential).await?;
    his_key.sign_in(&bob).await?;
    her_key.sign_in(&ground.ada).await
}

/// A replayed challenge, a replayed answer and a challenge that nobody asked: all of them refused (WAN-01).
pub(crate) async fn passkey_answers_are_good_once(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    let key = ada_with_a_passkey(&browser, &ground).await?;

    // A challenge of the attacker's own making, in a ceremony of ours.
    open_help(&browser).await?;
    let made_up = "const begun = await begin();
        const signed = await ask(begun, { challenge: crypto.getRandomValues(new Uint8Array(32)) });
        return finish(begun, signed);";
    expect(
        &run_with(&key, &browser, made_up).await?,
        "problem",
        "passkey-refused",
    )?;
    ground.expect_errors(&[FINISH])?;

    // A wrong answer uses the challenge up: the right one comes too late.
    let second_try = "const begun = await begin();
        const signed = await ask(begun);
        const spoiled = { ...signed, response: { ...signed.response, signature: signed.response.authenticatorData } };
        await finish(begun, spoiled);
        return finish(begun, signed);";
    expect(
        &run_with(&key, &browser, second_try).await?,
        "problem",
        "passkey-expired",
    )?;
    ground.take_answered()?;
    is_signed_out(&browser, &ground.ada).await?;

    // What let somebody in once lets nobody in again, neither at once nor after Log out.
    open_help(&browser).await?;
    let once = "const begun = await begin();
        const signed = await ask(begun);
        const first = await finish(begun, signed);
        const second = await finish(begun, signed);
        return { first, second, begun, signed };";
    let found = run_with(&key, &browser, once).await?;
    ensure(found["first"]["status"] == json!(200), || {
        format!("the first answer is good: {found}")
    })?;
    expect(&found["second"], "problem", "passkey-expired")?;
    ground.take_answered()?;
    is_signed_in(&browser, &ground.ada).await?;
    log_out(&browser, &ground.ada).await?;
    open_help(&browser).await?;
    let again = format!("return finish({}, {});", found["begun"], found["signed"]);
    let again = run(&browser, &again).await?;
    expect(&again, "problem", "passkey-expired")?;
    ground.take_answered()?;
    is_signed_out(&browser, &ground.ada).await
}

/// A key that does not know its person is no complete sign-in, also where a script asks it more kindly (WAN-03).
pub(crate) async fn passkey_without_its_person(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    let key = ada_with_a_passkey(&browser, &ground).await?;
    key.knows_its_person(false).await?;
    open_help(&browser).await?;
    let as_asked = "const begun = await begin(); return finish(begun, await ask(begun));";
    let found = run_with(&key, &browser, as_asked).await?;
    expect(&found, "thrown", "NotAllowedError")?;
    let kindly = "const begun = await begin();
        return finish(begun, await ask(begun, { userVerification: 'discouraged' }));";
    let found = run_with(&key, &browser, kindly).await?;
    match stage.engine {
        Engine::Chromium => {
            expect(&found, "problem", "passkey-refused")?;
            ground.expect_errors(&[FINISH])?;
        }
        // Its authenticator answers to nobody but its person.
        Engine::Firefox => expect(&found, "thrown", "NotAllowedError")?,
    }
    is_signed_out(&browser, &ground.ada).await?;
    key.knows_its_person(true).await?;
    key.sign_in(&ground.ada).await
}

/// A counter that goes back is the mark of a copy: the owner is told, and not shut out (WAN-05).
pub(crate) async fn passkey_that_counts_backward(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    let key = ada_with_a_passkey(&browser, &ground).await?;
    for _ in 0..2 {
        key.sign_in(&ground.ada).await?;
        browser.open(SECURITY).await?;
        browser.see("Blue key").await?;
        browser.does_not_see("There may be a copy").await?;
        log_out(&browser, &ground.ada).await?;
    }
    let mut copy = key.credential().await?;
    let count = copy["signCount"].as_u64().unwrap_or_default();
    ensure(count >= 2, || format!("the key counted to {count}"))?;
    copy["signCount"] = json!(0);
    key.replace_credential(&copy).await?;
    key.sign_in(&ground.ada).await?;
    browser.open(SECURITY).await?;
    browser.see("There may be a copy of this passkey.").await
}
