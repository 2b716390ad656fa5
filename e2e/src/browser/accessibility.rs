//! What assistive technology would meet: the axe rules, and names as they are read aloud.

use std::fmt;

use serde_json::Value;

use super::Browser;
use super::engine::Scripts;
use crate::failure::{Failure, Outcome};
use crate::tools;

/// A broken rule and where.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The rule, for example `image-alt`.
    pub rule: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What the rule asks for.
    pub help: String,
    /// The elements that break it: selector, then markup.
    pub places: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.rule, self.impact, self.help)?;
        for place in &self.places {
            write!(formatter, "\n    {place}")?;
        }
        Ok(())
    }
}

const RUN: &str = "
const done = arguments[arguments.length - 1];
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
window.axe
  .run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'], iframes: false })
  .then((result) => done({ violations: result.violations }), (error) => done({ error: String(error) }));
";

impl Browser {
    /// The WCAG 2.2 AA and best-practice rules that the current page breaks. Needs scripts.
    pub async fn accessibility_violations(&self) -> Outcome<Vec<Violation>> {
        self.refuse_without_scripts("the accessibility rules")?;
        let script = format!("{}\n;{RUN}", tools::axe_source()?);
        let mut answer = self.client()?.execute_async(&script, Vec::new()).await?;
        if let Some(error) = answer["error"].as_str() {
            return Err(Failure::new(format!("axe could not run: {error}")));
        }
        match answer["violations"].take() {
            Value::Array(violations) => Ok(violations.iter().map(violation).collect()),
            other => Err(Failure::new(format!("axe answered {other}"))),
        }
    }

    /// Fails with a readable list unless the current page keeps every rule.
    pub async fn expect_accessible(&self) -> Outcome {
        let violations = self.accessibility_violations().await?;
        let path = self.path().await?;
        self.note(format_args!(
            "accessibility of {path}: {} broken rules",
            violations.len()
        ));
        if violations.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = violations.iter().map(Violation::to_string).collect();
        Err(Failure::new(format!(
            "{path} breaks {} accessibility rules\n{}",
            list.len(),
            list.join("\n")
        )))
    }

    /// Runs a script in the page and returns its value: for what no person can see. Needs scripts.
    pub async fn evaluate(&self, script: &str) -> Outcome<Value> {
        self.refuse_without_scripts("a script")?;
        Ok(self.client()?.execute(script, Vec::new()).await?)
    }

    /// Like `evaluate`, for a script that calls its last argument when it is done.
    pub async fn evaluate_later(&self, script: &str) -> Outcome<Value> {
        self.refuse_without_scripts("a script")?;
        Ok(self.client()?.execute_async(script, Vec::new()).await?)
    }

    /// With scripts off, drivers would run ours all the same and hide that the page's cannot.
    fn refuse_without_scripts(&self, what: &str) -> Outcome {
        match self.options().scripts {
            Scripts::On => Ok(()),
            Scripts::Off => Err(Failure::new(format!(
                "{what} cannot run in a browser without scripts"
            ))),
        }
    }
}

fn violation(value: &Value) -> Violation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let places = value["nodes"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|node| format!("{}  {}", node["target"], text(&node["html"])))
        .collect();
    Violation {
        rule: text(&value["id"]),
        impact: text(&value["impact"]),
        help: text(&value["help"]),
        places,
    }
}
