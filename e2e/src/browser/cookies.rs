//! The cookie jar, raw: what an attacker who copied a cookie has, or what a shared computer keeps.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Browser;
use crate::failure::{Failure, Outcome};

/// A cookie as WebDriver tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Its name, prefix included.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The path it is sent to.
    #[serde(default = "root_path")]
    pub path: String,
    /// Its domain; absent means the current host alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Sent over secure connections only.
    #[serde(default)]
    pub secure: bool,
    /// Hidden from scripts.
    #[serde(default)]
    pub http_only: bool,
    /// Seconds since 1970; absent for a cookie that ends with the browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<u64>,
    /// `Strict`, `Lax` or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
}

fn root_path() -> String {
    "/".to_owned()
}

impl Browser {
    /// The cookies that the current page's address would get, those hidden from scripts included.
    pub async fn cookies(&self) -> Outcome<Vec<Cookie>> {
        let all = self.read_command("cookie").await?;
        Ok(serde_json::from_value(all)?)
    }

    /// One cookie of the current page's address.
    pub async fn cookie(&self, name: &str) -> Outcome<Option<Cookie>> {
        Ok(self
            .cookies()
            .await?
            .into_iter()
            .find(|cookie| cookie.name == name))
    }

    /// Puts a cookie into the jar; the browser must be on a page of its host.
    ///
    /// A `__Host-` cookie must have no domain.
    pub async fn add_cookie(&self, cookie: &Cookie) -> Outcome {
        self.note(format_args!("put the cookie {} into the jar", cookie.name));
        let mut cookie = cookie.clone();
        if cookie.name.starts_with("__Host-") {
            cookie.domain = None;
        }
        self.post_command("cookie", json!({ "cookie": cookie }))
            .await
            .map(drop)
    }

    /// Takes one cookie out of the jar.
    pub async fn delete_cookie(&self, name: &str) -> Outcome {
        self.note(format_args!("delete the cookie {name}"));
        self.delete_command(format!("cookie/{name}"))
            .await
            .map(drop)
    }

    /// Empties the jar for the current page's address.
    pub async fn delete_all_cookies(&self) -> Outcome {
        self.note("delete all cookies");
        self.delete_command("cookie").await.map(drop)
    }

    /// The cookie, or a failure that lists the jar's names.
    pub async fn expect_cookie(&self, name: &str) -> Outcome<Cookie> {
        let cookies = self.cookies().await?;
        let names: Vec<String> = cookies.iter().map(|cookie| cookie.name.clone()).collect();
        cookies
            .into_iter()
            .find(|cookie| cookie.name == name)
            .ok_or_else(|| Failure::new(format!("no cookie {name}; the jar holds {names:?}")))
    }
}
