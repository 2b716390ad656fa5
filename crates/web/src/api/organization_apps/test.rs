//! Trying an app out.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_protocols::app_test::{self, Bench, Report, Tried};
use nightlatch_protocols::outgoing::probe::Step;
use serde::Serialize;
use utoipa::ToSchema;

use super::get_app;
use crate::api::body::answer;
use crate::api::proof::proof_needed;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::fair_places::FairPlaces;
use crate::guard::Person;
use crate::views::Problem;

/// Tests at once: each may hold connections for half a minute, and nobody is to search
/// the network with many of them. One organization gets half of them at most.
static TURNS: FairPlaces = FairPlaces::new(8);

/// One step on the way to an app.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestStep {
    /// `address`, `dns`, `tcp`, `tls`, `http`, `token` or `forgery`.
    stage: &'static str,
    /// `good`, `warning` or `failed`.
    verdict: &'static str,
    /// What was seen, or what is wrong and what usually helps.
    words: String,
}

/// What was found out about one address, or about the lack of one.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestedAddress {
    /// What it is for, for example `back_channel_logout` or `redirect`.
    #[schema(value_type = String)]
    purpose: app_test::Purpose,
    /// The address; missing where none is registered.
    address: Option<String>,
    /// The worst of its steps.
    verdict: &'static str,
    /// In order; they end with the first that fails.
    steps: Vec<TestStep>,
}

/// What was found out about an app.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestReport {
    /// The worst of all: `good`, `warning` or `failed`.
    verdict: &'static str,
    /// Each address in turn.
    tried: Vec<TestedAddress>,
}

fn step(step: &Step) -> TestStep {
    TestStep {
        stage: step.stage.name(),
        verdict: step.verdict.name(),
        words: step.words.clone(),
    }
}

fn tested(tried: &Tried) -> TestedAddress {
    TestedAddress {
        purpose: tried.purpose,
        address: tried.address.clone(),
        verdict: tried.verdict.name(),
        steps: tried.steps.iter().map(step).collect(),
    }
}

/// Calls every address at which an app hears of logouts, with a token for a session that
/// nobody has, and judges those that people are sent to. Nobody is logged out.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/test", tag = "organization",
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = TestReport, description = "What was found; read `verdict`"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator, or their last proof is older than ten minutes"),
        (status = 404, description = "The organization has no app of this id"),
        (status = 429, description = "Other apps are being tested; try again")
    )
)]
pub(crate) async fn run(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let found = get_app(&person, &id).await?;
    // It calls addresses from where the server stands, and says what it met there.
    if !person.has_fresh_proof() {
        return Err(proof_needed("Testing an app"));
    }
    let Some(_turn) = TURNS.take(person.live.owned.organization.id) else {
        let sentence = "Other apps are being tested right now. Try again in a moment.";
        return Err(Failure::saying(Problem::TooMany, sentence).with_code("busy"));
    };
    let app = &person.visit.app;
    let moment = app.moment();
    let bench = Bench {
        store: &app.store,
        sealer: &app.sealer,
        signing: &app.signing,
        outgoing: &app.outgoing,
        issuer: app.public_url.origin(),
        moment: &moment,
    };
    let report: Report = app_test::run(bench, &found)
        .await
        .map_err(|error| Failure::internal(error.to_string()))?;
    let body = TestReport {
        verdict: report.verdict.name(),
        tried: report.tried.iter().map(tested).collect(),
    };
    Ok(answer(body, Jar::default()))
}
