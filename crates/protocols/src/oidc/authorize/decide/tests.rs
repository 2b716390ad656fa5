use nightlatch_domain::ids::ClientId;
use nightlatch_domain::session::ProofMethod;

use super::super::request::{Prompt, ResponseMode};
use super::*;
use crate::oidc::acr::{ONE_FACTOR, PHISHING_RESISTANT, TWO_FACTOR};
use crate::oidc::claims::{Claims, Wish};

/// The instant at which the app asked, in milliseconds.
const ASKED: i64 = 1_000_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn ada() -> UserId {
    UserId::from_bytes([1; 16])
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: ClientId::from_bytes([2; 16]),
        redirect_uri: "https://crm.example.com/".to_owned(),
        response_mode: ResponseMode::Query,
        scopes: Scopes::parse("openid"),
        state: None,
        nonce: None,
        challenge: None,
        prompt: Prompt::default(),
        max_age: None,
        login_hint: None,
        subject: None,
        claims: Claims::default(),
        acr_values: Vec::new(),
        host: None,
    }
}

fn prompting(text: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        prompt: Prompt::parse(text).expect("a prompt"),
        ..request()
    }
}

fn wishing(essential: bool, values: &[&str]) -> AuthorizationRequest {
    let mut claims = Claims::default();
    let wish = Wish {
        essential,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    claims.id_token.insert("acr".to_owned(), wish);
    AuthorizationRequest {
        claims,
        ..request()
    }
}

const PASSWORD: [Proof; 1] = [Proof {
    method: ProofMethod::Password,
    at: Timestamp::from_milliseconds(ASKED - 60_000),
}];

const BOTH: [Proof; 2] = [
    PASSWORD[0],
    Proof {
        method: ProofMethod::AuthenticatorApp,
        at: Timestamp::from_milliseconds(ASKED - 60_000),
    },
];

fn person() -> SignedIn<'static> {
    SignedIn {
        session: SessionId::from_bytes([3; 16]),
        user: ada(),
        is_of_one_organization: true,
        began_at: at(ASKED - 60_000),
        proved_at: at(ASKED - 60_000),
        proofs: &PASSWORD,
        by_phone: false,
        must_set_up_factor: false,
        has_authenticator_app: false,
        has_passkey: false,
    }
}

fn situation<'a>(
    request: &'a AuthorizationRequest,
    signed_in: Option<SignedIn<'a>>,
) -> Situation<'a> {
    Situation {
        request,
        asked_at: at(ASKED),
        signed_in,
        chosen: None,
        scopes: request.scopes,
        may_enter: true,
        is_agreed: true,
        asks_consent: true,
        agreed_at: Some(at(ASKED - 60_000)),
        now: at(ASKED),
    }
}

fn of(request: &AuthorizationRequest, signed_in: Option<SignedIn<'_>>) -> Decision {
    decide(&situation(request, signed_in))
}

#[test]
fn fwd_09_whoever_may_not_enter_proves_nothing_for_it() {
    let strong = wishing(true, &["urn:nightlatch:acr:two-factor"]);
    for request in [request(), strong, prompting("login consent select_account")] {
        let outside = Situation {
            may_enter: false,
            ..situation(&request, Some(person()))
        };
        assert_eq!(decide(&outside), Decision::NoAccess);
        let nobody = Situation {
            signed_in: None,
            ..outside
        };
        assert_eq!(decide(&nobody), Decision::SignIn);
    }
    let silent = prompting("none");
    let outside = Situation {
        may_enter: false,
        ..situation(&silent, Some(person()))
    };
    assert_eq!(decide(&outside), Decision::Refuse(OidcError::AccessDenied));
}

const ASKS: Decision = Decision::Reauthenticate(ProofWanted::Any);

#[test]
fn oidc_09_without_a_page_there_is_an_answer_or_an_error() {
    let none = prompting("none");
    let plain = request();
    let stranger = SignedIn {
        is_of_one_organization: false,
        ..person()
    };
    let setting_up = SignedIn {
        must_set_up_factor: true,
        ..person()
    };
    let cases = [
        (None, Decision::SignIn, OidcError::LoginRequired),
        (
            Some(stranger),
            Decision::WrongAccount,
            OidcError::AccountSelectionRequired,
        ),
        (
            Some(setting_up),
            Decision::SetUpFactor,
            OidcError::InteractionRequired,
        ),
    ];
    for (signed_in, asked, error) in cases {
        assert_eq!(of(&plain, signed_in), asked);
        assert_eq!(of(&none, signed_in), Decision::Refuse(error));
    }
    let unasked = Situation {
        is_agreed: false,
        agreed_at: None,
        ..situation(&none, Some(person()))
    };
    let error = Decision::Refuse(OidcError::ConsentRequired);
    assert_eq!(decide(&unasked), error);
    assert_eq!(of(&none, Some(person())), Decision::Respond);
    assert_eq!(of(&plain, Some(person())), Decision::Respond);
}

#[test]
fn oidc_10_a_demand_is_measured_from_the_instant_of_the_request() {
    let aged = |max_age| AuthorizationRequest {
        max_age: Some(max_age),
        ..request()
    };
    let before = person();
    let same_instant = SignedIn {
        proved_at: at(ASKED),
        ..person()
    };
    let after = SignedIn {
        proved_at: at(ASKED + 1),
        ..person()
    };
    for demanding in [prompting("login"), aged(0), aged(59)] {
        assert_eq!(of(&demanding, Some(before)), ASKS);
        assert_eq!(of(&demanding, Some(after)), Decision::Respond);
    }
    // What happened at the very instant was not an answer to it.
    assert_eq!(of(&prompting("login"), Some(same_instant)), ASKS);
    assert_eq!(of(&aged(0), Some(same_instant)), ASKS);
    assert_eq!(of(&aged(60), Some(before)), Decision::Respond);
    // It goes on ageing while a page stands open.
    let demand = aged(60);
    let later = Situation {
        now: at(ASKED + 1_000),
        ..situation(&demand, Some(before))
    };
    assert_eq!(decide(&later), ASKS);
    // However long the page stands open after the proof.
    let demand = aged(0);
    let much_later = Situation {
        now: at(ASKED + 600_000),
        ..situation(&demand, Some(after))
    };
    assert_eq!(decide(&much_later), Decision::Respond);
    let silent = AuthorizationRequest {
        max_age: Some(1),
        ..prompting("none")
    };
    let refused = Decision::Refuse(OidcError::LoginRequired);
    assert_eq!(of(&silent, Some(before)), refused);
    // A session that a phone let in can prove nothing here.
    let by_phone = SignedIn {
        by_phone: true,
        ..before
    };
    assert_eq!(
        of(&prompting("login"), Some(by_phone)),
        Decision::SignInAgain
    );
}

#[test]
fn oidc_13_another_person_gets_an_error_and_nothing_else() {
    for text in ["", "none", "login", "consent", "select_account"] {
        let mut expecting = prompting(text);
        expecting.subject = Some(UserId::from_bytes([9; 16]));
        let error = Decision::Refuse(OidcError::LoginRequired);
        assert_eq!(of(&expecting, Some(person())), error, "{text}");
        expecting.subject = Some(ada());
        assert_ne!(of(&expecting, Some(person())), error, "{text}");
    }
}

#[test]
fn b12_an_account_is_chosen_once_for_a_request() {
    let choosing = prompting("select_account");
    let usual = situation(&choosing, Some(person()));
    assert_eq!(decide(&usual), Decision::ChooseAccount);
    let chosen = Situation {
        chosen: Some(person().session),
        ..usual
    };
    assert_eq!(decide(&chosen), Decision::Respond);
    let another = Situation {
        chosen: Some(SessionId::from_bytes([8; 16])),
        ..usual
    };
    assert_eq!(decide(&another), Decision::ChooseAccount);
    let new = SignedIn {
        began_at: at(ASKED + 1),
        ..person()
    };
    assert_eq!(of(&choosing, Some(new)), Decision::Respond);
}

#[test]
fn oidc_18_consent_is_asked_for_and_asked_for_again() {
    let plain = request();
    let asking = prompting("consent");
    let unasked = Situation {
        is_agreed: false,
        agreed_at: None,
        ..situation(&plain, Some(person()))
    };
    assert_eq!(decide(&unasked), Decision::AskConsent);
    let first_party = Situation {
        asks_consent: false,
        ..unasked
    };
    assert_eq!(decide(&first_party), Decision::Respond);
    assert_eq!(of(&asking, Some(person())), Decision::AskConsent);
    let anew = Situation {
        agreed_at: Some(at(ASKED + 1)),
        ..situation(&asking, Some(person()))
    };
    assert_eq!(decide(&anew), Decision::Respond);
    // New, but of less than this.
    let less = Situation {
        is_agreed: false,
        ..anew
    };
    assert_eq!(decide(&less), Decision::AskConsent);
}

#[test]
fn oidc_12_a_level_that_the_app_needs() {
    let code = Decision::Reauthenticate(ProofWanted::SecondFactor);
    let passkey = Decision::Reauthenticate(ProofWanted::Passkey);
    let unmet = Decision::Refuse(OidcError::UnmetAuthenticationRequirements);
    let with_app = SignedIn {
        has_authenticator_app: true,
        ..person()
    };
    let with_key = SignedIn {
        has_passkey: true,
        ..person()
    };
    let strong = SignedIn {
        proofs: &BOTH,
        ..with_app
    };
    let tried = SignedIn {
        proved_at: at(ASKED + 1),
        ..with_app
    };
    // A session that a phone let in proves nothing more; another takes its place, once.
    let by_phone = SignedIn {
        by_phone: true,
        ..with_key
    };
    let by_phone_again = SignedIn {
        began_at: at(ASKED + 1),
        proved_at: at(ASKED + 1),
        ..by_phone
    };
    let cases = [
        (true, TWO_FACTOR, person(), unmet),
        (true, TWO_FACTOR, with_app, code),
        (true, TWO_FACTOR, tried, code),
        (true, TWO_FACTOR, strong, Decision::Respond),
        (true, TWO_FACTOR, with_key, code),
        (true, PHISHING_RESISTANT, with_key, passkey),
        (true, PHISHING_RESISTANT, with_app, unmet),
        (true, PHISHING_RESISTANT, strong, unmet),
        (true, TWO_FACTOR, by_phone, Decision::SignInAgain),
        (true, PHISHING_RESISTANT, by_phone, Decision::SignInAgain),
        (true, PHISHING_RESISTANT, by_phone_again, unmet),
        (true, ONE_FACTOR, person(), Decision::Respond),
        (true, "urn:example:gold", strong, unmet),
        // A wish is tried once, where it can come true.
        (false, TWO_FACTOR, with_app, code),
        (false, TWO_FACTOR, tried, Decision::Respond),
        (false, TWO_FACTOR, person(), Decision::Respond),
        (false, "urn:example:gold", person(), Decision::Respond),
    ];
    for (essential, value, person, decision) in cases {
        let wish = wishing(essential, &[value]);
        assert_eq!(of(&wish, Some(person)), decision, "{essential} {value}");
    }
    let silent = |essential| AuthorizationRequest {
        prompt: Prompt::parse("none").expect("a prompt"),
        ..wishing(essential, &[TWO_FACTOR])
    };
    assert_eq!(of(&silent(false), Some(with_app)), Decision::Respond);
    assert_eq!(of(&silent(true), Some(person())), unmet);
    let login = Decision::Refuse(OidcError::LoginRequired);
    assert_eq!(of(&silent(true), Some(with_app)), login);
}

#[test]
fn oidc_12_the_level_that_is_stated_is_one_that_was_asked_for() {
    let asked = wishing(true, &["urn:example:gold", ONE_FACTOR, TWO_FACTOR]);
    assert_eq!(stated_acr(&asked, &BOTH), ONE_FACTOR);
    assert_eq!(stated_acr(&request(), &BOTH), TWO_FACTOR);
    assert_eq!(
        stated_acr(&wishing(false, &[PHISHING_RESISTANT]), &PASSWORD),
        ONE_FACTOR
    );
}
