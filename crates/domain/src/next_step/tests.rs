use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn start() -> Timestamp {
    Timestamp::from_milliseconds(1_700_000_000_000)
}

fn proof(method: ProofMethod) -> Proof {
    Proof {
        method,
        at: start(),
    }
}

const APP: Options = Options {
    authenticator_app: true,
    passkey: false,
    recovery_code: true,
};

fn progress(proofs: &[Proof]) -> Progress<'_> {
    Progress {
        proofs,
        options: APP,
        is_remembered: false,
        policy: SecondFactorPolicy::default(),
        role: Role::Member,
        account_since: start(),
    }
}

#[test]
fn ses_13_a_remembered_browser_is_no_factor_by_itself() {
    let nothing = Progress {
        is_remembered: true,
        ..progress(&[])
    };
    assert_eq!(next_step(&nothing, start()), NextStep::Password);
    let code_only = [proof(ProofMethod::AuthenticatorApp)];
    assert_eq!(
        next_step(&progress(&code_only), start()),
        NextStep::Password
    );
    let password = [proof(ProofMethod::Password)];
    assert_eq!(
        next_step(&progress(&password), start()),
        NextStep::SecondFactor(APP)
    );
    let remembered = Progress {
        is_remembered: true,
        ..progress(&password)
    };
    assert_eq!(next_step(&remembered, start()), NextStep::Done);
}

#[test]
fn a_passkey_is_both_factors_also_after_a_password() {
    let passkey = [proof(ProofMethod::Passkey)];
    assert_eq!(next_step(&progress(&passkey), start()), NextStep::Done);
    let both = [proof(ProofMethod::Password), proof(ProofMethod::Passkey)];
    assert_eq!(next_step(&progress(&both), start()), NextStep::Done);
}

#[test]
fn pol_04_administrators_have_two_weeks_and_others_any_time() {
    let password = [proof(ProofMethod::Password)];
    let without = Progress {
        options: Options::default(),
        ..progress(&password)
    };
    let late = start().plus(DAY * 400);
    assert_eq!(next_step(&without, late), NextStep::Done);
    let administrator = Progress {
        role: Role::Administrator,
        ..without
    };
    let until = start().plus(DAY * 14);
    let last = until.minus(Duration::from_millis(1));
    assert_eq!(next_step(&administrator, last), NextStep::Done);
    assert_eq!(
        next_step(&administrator, until),
        NextStep::SetUpFactor { until }
    );
    // Recovery codes alone are not what is demanded, nor is a remembered browser.
    let remembered = Progress {
        options: Options {
            recovery_code: true,
            ..Options::default()
        },
        is_remembered: true,
        ..administrator
    };
    assert_eq!(
        next_step(&remembered, until),
        NextStep::SetUpFactor { until }
    );
}

#[test]
fn pol_04_the_grace_counts_from_the_demand() {
    let since = start().plus(DAY * 100);
    let policy = SecondFactorPolicy {
        rule: SecondFactorRule::Everybody,
        grace_days: 3,
        since: Some(since),
        ..SecondFactorPolicy::default()
    };
    let from = |account_since| demanded_from(&policy, Role::Member, account_since);
    assert_eq!(from(start()), Some(since.plus(DAY * 3)));
    let later = since.plus(DAY);
    assert_eq!(from(later), Some(later.plus(DAY * 3)));
}

#[test]
fn off_asks_nobody() {
    let password = [proof(ProofMethod::Password)];
    let off = Progress {
        policy: SecondFactorPolicy {
            rule: SecondFactorRule::Off,
            ..SecondFactorPolicy::default()
        },
        role: Role::Administrator,
        ..progress(&password)
    };
    assert_eq!(next_step(&off, start().plus(DAY * 400)), NextStep::Done);
}

const EPOCHS: Epochs = Epochs {
    user: 3,
    organization: 2,
    deployment: 1,
};

fn present() -> Present {
    Present {
        epochs: EPOCHS,
        password_set_at: Some(start()),
        status: UserStatus::Active,
    }
}

/// Everything that may have happened meanwhile, each alone.
fn changes() -> [Present; 6] {
    let epochs = |change: Epochs| Present {
        epochs: change,
        ..present()
    };
    [
        epochs(Epochs { user: 4, ..EPOCHS }),
        epochs(Epochs {
            organization: 3,
            ..EPOCHS
        }),
        epochs(Epochs {
            deployment: 2,
            ..EPOCHS
        }),
        Present {
            password_set_at: Some(start().plus(DAY)),
            ..present()
        },
        Present {
            status: UserStatus::Disabled,
            ..present()
        },
        Present {
            status: UserStatus::Deleted,
            ..present()
        },
    ]
}

#[test]
fn ses_07_out_12_a_pending_sign_in_dies_with_whatever_it_relied_on() {
    let life = PendingLife {
        epochs: EPOCHS,
        password_set_at: Some(start()),
        expires_at: start().plus(PENDING_LIFE),
        wrong_codes: MOST_WRONG_CODES - 1,
    };
    let last = life.expires_at.minus(Duration::from_millis(1));
    assert!(life.is_open(&present(), last));
    assert!(!life.is_open(&present(), life.expires_at));
    for change in changes() {
        assert!(!life.is_open(&change, start()), "{change:?}");
    }
    let guessed = PendingLife {
        wrong_codes: MOST_WRONG_CODES,
        ..life
    };
    assert!(!guessed.is_open(&present(), start()));
}

#[test]
fn ses_13_f3_a_remembered_browser_dies_with_whatever_it_relied_on() {
    let policy = SecondFactorPolicy::default();
    let life = RememberedLife {
        epochs: EPOCHS,
        password_set_at: Some(start()),
        created_at: start(),
        expires_at: start().plus(DAY * 30),
    };
    let last = life.expires_at.minus(Duration::from_millis(1));
    assert!(life.holds(&present(), &policy, last));
    assert!(!life.holds(&present(), &policy, life.expires_at));
    for change in changes() {
        assert!(!life.holds(&change, &policy, start()), "{change:?}");
    }
    let tight = SecondFactorPolicy {
        remember_days: 2,
        ..policy
    };
    assert!(!life.holds(&present(), &tight, start().plus(DAY * 2)));
    let never = SecondFactorPolicy {
        remember_days: 0,
        ..policy
    };
    assert!(!life.holds(&present(), &never, start()));
}

proptest! {
    #[test]
    fn mfa_nobody_with_a_factor_gets_in_by_password_alone(
        grace_days in 0_u32..400, days in 0_u32..1000, administrator: bool, recovery_code: bool,
        app: bool, everybody: bool,
    ) {
        let password = [proof(ProofMethod::Password)];
        let options = Options { authenticator_app: app, passkey: !app, recovery_code };
        let rule = if everybody { SecondFactorRule::Everybody } else { SecondFactorRule::Optional };
        let progress = Progress {
            options,
            policy: SecondFactorPolicy { rule, grace_days, ..SecondFactorPolicy::default() },
            role: if administrator { Role::Administrator } else { Role::Member },
            ..progress(&password)
        };
        let now = start().plus(DAY * days);
        prop_assert_eq!(next_step(&progress, now), NextStep::SecondFactor(options));
    }
}
