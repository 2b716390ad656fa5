//! Tabs of one window.

use fantoccini::wd::WindowHandle;

use super::Browser;
use super::engine::Engine;
use crate::failure::Outcome;

/// A tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab(WindowHandle);

impl Browser {
    /// The tab in front.
    pub async fn current_tab(&self) -> Outcome<Tab> {
        Ok(Tab(self.client()?.window().await?))
    }

    /// All tabs, in no promised order.
    pub async fn tabs(&self) -> Outcome<Vec<Tab>> {
        Ok(self
            .client()?
            .windows()
            .await?
            .into_iter()
            .map(Tab)
            .collect())
    }

    /// Opens an empty tab and goes to it.
    pub async fn new_tab(&self) -> Outcome<Tab> {
        self.note("open a new tab");
        let handle = self.client()?.new_window(true).await?.handle;
        let tab = Tab(handle);
        self.switch_to(&tab).await?;
        Ok(tab)
    }

    /// Goes to a tab.
    pub async fn switch_to(&self, tab: &Tab) -> Outcome {
        self.note("switch to another tab");
        self.client()?.switch_to_window(tab.0.clone()).await?;
        match self.options().engine {
            // Size and color preference are told to each tab.
            Engine::Chromium => self.settle().await,
            Engine::Firefox => Ok(()),
        }
    }

    /// Closes the tab in front and goes to one that is left.
    pub async fn close_tab(&self) -> Outcome {
        self.note("close the tab");
        self.client()?.close_window().await?;
        match self.tabs().await?.first() {
            Some(tab) => self.switch_to(tab).await,
            None => Ok(()),
        }
    }
}
