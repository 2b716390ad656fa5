//! Runs stories for the matrix of engine × scripts × database, a few at a time.

use std::any::Any;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::browser::{Engine, Scripts};
use crate::failure::{Failure, Outcome};
use crate::journal::Journal;
use crate::report::{self, Ending, Trouble};
use crate::stage::{Database, Stage};
use crate::tools;

/// A story that takes longer hangs.
const LONGEST: Duration = Duration::from_mins(3);
const LONGEST_EVIDENCE: Duration = Duration::from_secs(30);

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A story and where it applies.
#[derive(Clone)]
pub struct Story {
    name: String,
    scripts: Vec<Scripts>,
    databases: Vec<Database>,
    /// Whether the databases take turns instead of meeting every engine, with scripts and without.
    in_turns: bool,
    run: fn(Stage) -> Running,
}

impl Story {
    /// A story for every engine and database, with scripts and without. Use the macro `story!`.
    pub fn new(path: &str, run: fn(Stage) -> Running) -> Self {
        let name = path.rsplit("::").next().unwrap_or(path).trim().to_owned();
        Self {
            name,
            scripts: vec![Scripts::On, Scripts::Off],
            databases: Database::ALL.to_vec(),
            in_turns: false,
            run,
        }
    }

    /// The story makes sense with scripts only.
    #[must_use]
    pub fn only_with_scripts(mut self) -> Self {
        self.scripts = vec![Scripts::On];
        self
    }

    /// The story makes sense without scripts only.
    #[must_use]
    pub fn only_without_scripts(mut self) -> Self {
        self.scripts = vec![Scripts::Off];
        self
    }

    /// Half of the matrix: every two of engine, scripts and database meet, all three do not. For long stories whose
    /// every step is also told to both databases by the testkit.
    #[must_use]
    pub fn in_turns(mut self) -> Self {
        self.in_turns = true;
        self
    }

    /// The databases make no difference that a browser could see.
    #[must_use]
    pub fn only_on(mut self, database: Database) -> Self {
        self.databases = vec![database];
        self
    }
}

/// Registers an `async fn(Stage) -> Outcome` under its own name.
#[macro_export]
macro_rules! story {
    ($($path:ident)::+) => {
        $crate::runner::Story::new(stringify!($($path)::+), |stage| Box::pin($($path)::+(stage)))
    };
}

struct Planned {
    name: String,
    stage: Stage,
    run: fn(Stage) -> Running,
}

fn plan(stories: &[Story], filters: &[String]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for story in stories {
        for engine in Engine::ALL {
            for &scripts in &story.scripts {
                for &database in &story.databases {
                    let odd = [
                        engine == Engine::Firefox,
                        scripts == Scripts::Off,
                        database == Database::Postgres,
                    ];
                    if story.in_turns && odd.iter().filter(|odd| **odd).count() % 2 == 1 {
                        continue;
                    }
                    let name = [
                        story.name.as_str(),
                        engine.name(),
                        scripts.name(),
                        database.name(),
                    ]
                    .join("/");
                    if filters.iter().all(|filter| name.contains(filter.as_str())) {
                        planned.push(Planned {
                            name,
                            stage: Stage::new(engine, scripts, database),
                            run: story.run,
                        });
                    }
                }
            }
        }
    }
    planned
}

/// Runs every story whose name contains all the filters. Returns whether all passed.
pub async fn run(stories: &[Story], filters: &[String], at_once: usize) -> Outcome<bool> {
    let planned = plan(stories, filters);
    if planned.is_empty() {
        return Err(Failure::new(format!(
            "no story has {filters:?} in its name story/engine/scripts/database"
        )));
    }
    if planned
        .iter()
        .any(|planned| planned.stage.database == Database::Postgres)
        && std::env::var_os("NIGHTLATCH_TEST_POSTGRES").is_none()
    {
        return Err(Failure::new(
            "set NIGHTLATCH_TEST_POSTGRES (scripts/postgres start prints it), or add the filter `sqlite`",
        ));
    }
    std::panic::set_hook(Box::new(note_panic));
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let total = planned.len();
    let mut waiting = planned.into_iter();
    let mut running = JoinSet::new();
    let mut endings = Vec::new();
    loop {
        while running.len() < at_once.max(1) {
            let Some(next) = waiting.next() else { break };
            running.spawn(perform(next));
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            _ = interrupted.recv() => break abandon(running).await,
            _ = terminated.recv() => break abandon(running).await,
        };
        match ended {
            Some(ending) => {
                let ending = ending?;
                report::ended(&ending, endings.len() + 1, total);
                endings.push(ending);
            }
            None => break,
        }
    }
    report::sum(&endings);
    Ok(endings.len() == total && endings.iter().all(|ending| ending.failure.is_none()))
}

/// Stops all stories; their browsers end as they are dropped.
async fn abandon(mut running: JoinSet<Ending>) {
    report::say("interrupted");
    running.shutdown().await;
}

tokio::task_local! {
    static JOURNAL: Journal;
}

/// A failed expectation belongs to the story that it happened in, with its place.
fn note_panic(panic: &PanicHookInfo<'_>) {
    if JOURNAL.try_with(|journal| journal.note(panic)).is_err() {
        report::say(panic);
    }
}

async fn perform(planned: Planned) -> Ending {
    let started = Instant::now();
    let mut stage = planned.stage;
    stage.begin();
    // A task of its own, so that a panic ends the story and not the run.
    let story = tokio::spawn(JOURNAL.scope(stage.journal().clone(), (planned.run)(stage.clone())));
    let abort = story.abort_handle();
    let guard = AbortOnDrop(abort);
    let outcome = match tokio::time::timeout(LONGEST, story).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(ended)) => Err(Failure::new(match ended.try_into_panic() {
            Ok(panic) => panic_sentence(panic.as_ref()),
            Err(ended) => ended.to_string(),
        })),
        Err(_) => Err(Failure::new(format!(
            "still not finished after {} s",
            LONGEST.as_secs()
        ))),
    };
    drop(guard);
    let failure = match outcome {
        Ok(()) => None,
        Err(error) => Some(Trouble {
            sentence: error.to_string(),
            steps: stage.journal().last(25),
            // A browser that hangs cannot give evidence.
            files: tokio::time::timeout(
                LONGEST_EVIDENCE,
                stage.save_evidence(&failures_directory(), &planned.name),
            )
            .await
            .unwrap_or_default(),
        }),
    };
    stage.close().await;
    Ending {
        name: planned.name,
        took: started.elapsed(),
        failure,
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) fn panic_sentence(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "panicked".to_owned())
}

fn failures_directory() -> PathBuf {
    tools::workspace().join("target/failures")
}

#[cfg(test)]
mod tests {
    use super::{Story, plan};
    use crate::stage::{Database, Stage};

    async fn someone_logs_out(_stage: Stage) -> crate::failure::Outcome {
        Ok(())
    }

    #[test]
    fn a_story_runs_for_the_whole_matrix() {
        let stories = [crate::story!(someone_logs_out)];
        assert_eq!(plan(&stories, &[]).len(), 8);
        let filters = ["firefox".to_owned(), "no-scripts".to_owned()];
        let names: Vec<String> = plan(&stories, &filters)
            .into_iter()
            .map(|planned| planned.name)
            .collect();
        assert_eq!(
            names,
            [
                "someone_logs_out/firefox/no-scripts/sqlite",
                "someone_logs_out/firefox/no-scripts/postgres"
            ]
        );
    }

    #[test]
    fn databases_may_take_turns() {
        let stories = [crate::story!(someone_logs_out).in_turns()];
        let names: Vec<String> = plan(&stories, &[])
            .into_iter()
            .map(|planned| planned.name)
            .collect();
        assert_eq!(
            names,
            [
                "someone_logs_out/chromium/with-scripts/sqlite",
                "someone_logs_out/chromium/no-scripts/postgres",
                "someone_logs_out/firefox/with-scripts/postgres",
                "someone_logs_out/firefox/no-scripts/sqlite",
            ]
        );
    }

    #[test]
    fn a_story_may_apply_to_a_part() {
        let story: Story = crate::story!(someone_logs_out)
            .only_with_scripts()
            .only_on(Database::Sqlite);
        assert_eq!(plan(&[story], &[]).len(), 2);
    }
}
