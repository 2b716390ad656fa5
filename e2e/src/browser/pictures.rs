//! How a page looks: size, color preference and pictures of it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::engine::{Appearance, Engine};
use super::{Browser, lock};
use crate::failure::{Failure, Outcome};

impl Browser {
    /// Gives the page this size in CSS pixels, down to the width of a small phone.
    pub async fn resize(&self, width: u32, height: u32) -> Outcome {
        self.note(format_args!("resize to {width} × {height}"));
        {
            let mut options = lock(&self.inner.options);
            options.width = width;
            options.height = height;
        }
        self.apply_size().await
    }

    pub(super) async fn apply_size(&self) -> Outcome {
        let options = self.options();
        match options.engine {
            // A window cannot be narrower than 500 pixels, the emulated screen can.
            Engine::Chromium => {
                let metrics = json!({
                    "width": options.width, "height": options.height, "deviceScaleFactor": 1, "mobile": false,
                });
                self.developer_tools("Emulation.setDeviceMetricsOverride", metrics)
                    .await
                    .map(drop)
            }
            Engine::Firefox => self.fit_window(options.width, options.height).await,
        }
    }

    /// Firefox sizes the window, whose frame and toolbar are not known; the picture of the page tells how
    /// large the page became, also without scripts.
    async fn fit_window(&self, width: u32, height: u32) -> Outcome {
        let client = self.client()?;
        let (mut window_width, mut window_height) = (width, height);
        for _ in 0..3 {
            client.set_window_size(window_width, window_height).await?;
            let (page_width, page_height) = dimensions(&client.screenshot().await?)?;
            if (page_width, page_height) == (width, height) {
                return Ok(());
            }
            window_width = (window_width + width).saturating_sub(page_width);
            window_height = (window_height + height).saturating_sub(page_height);
        }
        let (page_width, page_height) = dimensions(&client.screenshot().await?)?;
        Err(Failure::new(format!(
            "asked for {width} × {height}, the page got {page_width} × {page_height}"
        )))
    }

    /// Chromium is told for each tab; Firefox knows it from its preferences.
    pub(super) async fn apply_appearance(&self) -> Outcome {
        let options = self.options();
        if options.engine == Engine::Chromium {
            self.emulate(options.appearance).await?;
        }
        Ok(())
    }

    async fn emulate(&self, appearance: Appearance) -> Outcome {
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": appearance.name() },
            // Scrolling that takes its time starts anew with every attempt to click.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.developer_tools("Emulation.setEmulatedMedia", features)
            .await
            .map(drop)
    }

    /// A picture of the whole page, also what lies below the window's edge, as PNG.
    pub async fn full_picture(&self) -> Outcome<Vec<u8>> {
        let encoded = match self.options().engine {
            Engine::Chromium => self.chromium_picture().await?,
            Engine::Firefox => self.read_command("moz/screenshot/full").await?,
        };
        let text = encoded
            .as_str()
            .ok_or_else(|| Failure::new("the browser sent no picture"))?;
        Ok(STANDARD.decode(text)?)
    }

    async fn chromium_picture(&self) -> Outcome<Value> {
        let metrics = self
            .developer_tools("Page.getLayoutMetrics", json!({}))
            .await?;
        let content = &metrics["cssContentSize"];
        let parameters = json!({
            "format": "png",
            "captureBeyondViewport": true,
            "clip": { "x": 0, "y": 0, "width": content["width"], "height": content["height"], "scale": 1 },
        });
        let mut answer = self
            .developer_tools("Page.captureScreenshot", parameters)
            .await?;
        Ok(answer["data"].take())
    }

    /// Saves a picture of the whole page.
    pub async fn save_picture(&self, path: &Path) -> Outcome {
        let picture = self.full_picture().await?;
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(path, picture)?;
        Ok(())
    }

    /// By how many CSS pixels the page is wider than its window. Needs scripts.
    pub async fn horizontal_overflow(&self) -> Outcome<i64> {
        let script =
            "const page = document.documentElement; return page.scrollWidth - page.clientWidth;";
        let overflow = self.evaluate(script).await?;
        overflow
            .as_i64()
            .ok_or_else(|| Failure::new(format!("no number: {overflow}")))
    }
}

/// Width and height, from a PNG's header.
pub fn dimensions(png: &[u8]) -> Outcome<(u32, u32)> {
    let number = |at: usize| {
        let bytes = png.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    match (number(16), number(20)) {
        (Some(width), Some(height)) if png.starts_with(b"\x89PNG") => Ok((width, height)),
        _ => Err(Failure::new("not a PNG picture")),
    }
}
