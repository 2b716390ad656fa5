//! Our codes of authenticator apps against those of `oathtool`, which shares no line with us (MFA-03).

use std::process::{Command, Stdio};

use nightlatch_domain::one_time_code::Seed;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::{Random as _, Timestamp};

use crate::failure::{Failure, Outcome, ensure};

const SEEDS: u64 = 200;
/// Codes in a row, from each seed's instant on.
const IN_A_ROW: u64 = 10;
/// Until the year 2100, in seconds.
const LAST: u64 = 4_102_444_800;

/// For many keys, as people type them in, and many times: the codes are the same, and ours take theirs.
pub(super) async fn codes_agree_with_oathtool() -> Outcome {
    let random = SeededRandom::new(6238);
    let mut compared = 0_u64;
    for number in 0..SEEDS {
        let seed = Seed::generate(&random);
        let seconds = match number {
            // Where counters and calendars have their edges.
            0 => 0,
            1 => 59,
            2 => i32::MAX.unsigned_abs().into(),
            3 => u32::MAX.into(),
            _ => {
                let mut dice = [0; 8];
                random.fill(&mut dice);
                u64::from_le_bytes(dice) % LAST
            }
        };
        for (theirs, at) in oathtool(&seed.text_key(), seconds)?.iter().zip(0_u64..) {
            let instant = Timestamp::from_milliseconds(i64::try_from((seconds + at * 30) * 1000)?);
            let ours = seed
                .code_at(instant)
                .ok_or_else(|| Failure::new("no code of ours"))?;
            ensure(&ours == theirs, || {
                format!("seed {number} at {instant}: ours is {ours}, theirs {theirs}")
            })?;
            let step = seed.matching_step(theirs, instant);
            let expected = i64::try_from((seconds + at * 30) / 30)?;
            // Rarely two of the three steps around an instant have the same code.
            ensure(
                step.is_some_and(|step| (step - expected).abs() <= 1),
                || format!("seed {number} at {instant}: {theirs} is not taken: {step:?}"),
            )?;
            compared += 1;
        }
    }
    ensure(compared == SEEDS * IN_A_ROW, || {
        format!("only {compared} codes were compared")
    })
}

/// The codes of a key from an instant on.
fn oathtool(key: &str, seconds: u64) -> Outcome<Vec<String>> {
    let output = Command::new(crate::tools::program(&["oathtool"])?)
        .args(["--totp=sha1", "--digits=6", "--time-step-size=30s"])
        .arg(format!("--now=@{seconds}"))
        .arg(format!("--window={}", IN_A_ROW - 1))
        .args(["--base32", key])
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()?;
    ensure(output.status.success(), || {
        format!("oathtool: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(String::from_utf8(output.stdout)?
        .lines()
        .map(str::to_owned)
        .collect())
}
