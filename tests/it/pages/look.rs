//! Looking at a page in a Chromium: in a colour scheme, on a screen, in a language.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};

use super::gallery::Exhibit;
use crate::login::browser::Browser;

/// What a page is held against (WCAG 2.2 AA).
const RULES: [&str; 4] = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];

/// How a person looks at pages.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub language: &'static str,
    pub scheme: &'static str,
    pub screen: &'static str,
    pub width: u32,
    pub height: u32,
}

/// A browser for looking, with axe in each page.
pub struct Eye {
    browser: Browser,
    camera: Option<PathBuf>,
}

impl Eye {
    pub async fn open() -> Self {
        let axe = std::env::var("ATTACHLINK_TEST_AXE").expect("run by scripts/test, which installs axe-core from npm");
        let axe = std::fs::read_to_string(axe).expect("axe-core");
        let eye = Self {
            browser: Browser::open().await,
            camera: std::env::var_os("ATTACHLINK_SCREENSHOTS").map(PathBuf::from),
        };
        eye.devtools("Network.enable", json!({})).await;
        // What DevTools put into a page is not asked for by the page, so its policy is no bar.
        eye.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": axe})).await;
        eye
    }

    /// Whether screenshots are wanted, and not only rules.
    pub const fn has_a_camera(&self) -> bool {
        self.camera.is_some()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        let answer = self.browser.call(Method::POST, "/goog/cdp/execute", body).await;
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer
    }

    pub async fn run(&self, script: &str) -> Value {
        let script =
            format!("const done = arguments[0]; Promise.resolve({script}).then(done, error => done('' + error))");
        self.browser.call(Method::POST, "/execute/async", json!({"script": script, "args": []})).await
    }

    pub async fn set(&self, look: Look) {
        let features = json!([{"name": "prefers-color-scheme", "value": look.scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
        let screen = json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// Goes to a page, as the request that leads there asks for it.
    pub async fn visit(&self, exhibit: &Exhibit, look: Look) {
        self.devtools("Network.clearBrowserCookies", json!({})).await;
        let mut headers = json!({"Accept-Language": look.language});
        for (name, value) in &exhibit.headers {
            if let ("cookie", Some((name, value))) = (*name, value.split_once('=')) {
                let cookie = json!({"name": name, "value": value, "url": exhibit.url});
                self.devtools("Network.setCookie", cookie).await;
            } else {
                headers[*name] = json!(value);
            }
        }
        self.devtools("Network.setExtraHTTPHeaders", json!({"headers": headers})).await;
        if exhibit.method == Method::GET {
            return self.browser.go(&exhibit.url).await;
        }
        // Where a form can be sent from.
        self.browser.go("about:blank").await;
        let form = "document.body.appendChild(Object.assign(document.createElement('form'), {method: 'post', action: URL})).submit()";
        let form = form.replace("URL", &json!(exhibit.url).to_string());
        self.browser.call(Method::POST, "/execute/sync", json!({"script": form, "args": []})).await;
        self.wait_for_page().await;
    }

    async fn wait_for_page(&self) {
        while self.run("!!document.querySelector('main h1') && document.readyState").await != "complete" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// What axe finds wrong, in short.
    pub async fn violations(&self) -> Vec<String> {
        let rules = json!({"runOnly": {"type": "tag", "values": RULES}});
        let found = self.run(&format!("axe.run(document, {rules})")).await;
        assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 5), "axe did not run: {found}");
        let violations = found["violations"].as_array().expect("a list").iter();
        violations.map(|it| format!("{}: {}", it["id"], it["nodes"][0]["html"])).collect()
    }

    /// Whether a person has to scroll sideways (success criterion 1.4.10).
    pub async fn overflows(&self) -> bool {
        self.run("document.documentElement.scrollWidth > window.innerWidth").await == true
    }

    pub async fn photograph(&self, exhibit: &Exhibit, look: Look) {
        let Some(folder) = &self.camera else { return };
        let picture = self.devtools("Page.captureScreenshot", json!({"format": "png"})).await;
        let picture = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        let Look { language, scheme, screen, .. } = look;
        let file = folder.join(format!("{}-{language}-{scheme}-{screen}.png", exhibit.name));
        std::fs::write(file, picture).expect("room for a picture");
    }

    pub async fn close(self) {
        self.browser.close().await;
    }
}
