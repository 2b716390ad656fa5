//! WebDriver commands that fantoccini has no method for.

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::Browser;
use super::engine::Engine;
use crate::failure::{Failure, Outcome};

/// Any command of a session: `session/{id}/{path}`.
#[derive(Debug)]
struct Command {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!(
            "session/{}/{}",
            session_id.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        (
            self.method.clone(),
            self.body.as_ref().map(Value::to_string),
        )
    }
}

impl Browser {
    pub(super) async fn read_command(&self, path: impl Into<String>) -> Outcome<Value> {
        self.command(Method::GET, path.into(), None).await
    }

    pub(super) async fn post_command(
        &self,
        path: impl Into<String>,
        body: Value,
    ) -> Outcome<Value> {
        self.command(Method::POST, path.into(), Some(body)).await
    }

    pub(super) async fn delete_command(&self, path: impl Into<String>) -> Outcome<Value> {
        self.command(Method::DELETE, path.into(), None).await
    }

    async fn command(&self, method: Method, path: String, body: Option<Value>) -> Outcome<Value> {
        Ok(self
            .client()?
            .issue_cmd(Command { method, path, body })
            .await?)
    }

    /// A command of Chromium's own protocol, for the current window.
    pub(super) async fn developer_tools(&self, command: &str, parameters: Value) -> Outcome<Value> {
        if self.options().engine != Engine::Chromium {
            return Err(Failure::new(format!("{command} exists in Chromium only")));
        }
        self.post_command(
            "goog/cdp/execute",
            json!({ "cmd": command, "params": parameters }),
        )
        .await
    }
}
