//! In what kind of browser a session began, in two coarse words by which its
//! owner knows it again. What a browser says of itself could single out a
//! person, so it is read once, at login, and only these words are kept.

use axum::http::{HeaderMap, header};

use crate::text_enum;

text_enum! {
    /// A family of browsers.
    #[derive(Default)]
    BrowserName {
        /// Firefox.
        Firefox = "firefox",
        /// Chrome or Chromium.
        Chrome = "chrome",
        /// Edge.
        Edge = "edge",
        /// Safari.
        Safari = "safari",
        /// Another one, or none that says so.
        #[default]
        Other = "other",
    }
}

text_enum! {
    /// What the browser runs on.
    #[derive(Default)]
    Device {
        /// Windows.
        Windows = "windows",
        /// A Mac.
        Macos = "macos",
        /// Linux.
        Linux = "linux",
        /// A telephone or tablet with Android.
        Android = "android",
        /// An iPhone or iPad.
        Ios = "ios",
        /// Something else, or nothing that says so.
        #[default]
        Other = "other",
    }
}

/// A kind of browser, such as "Firefox on Windows".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrowserKind {
    /// Family.
    pub browser: BrowserName,
    /// What it runs on.
    pub device: Device,
}

/// Marks looked for, in order: nearly every browser claims to be its elders too.
const BROWSERS: [(&str, BrowserName); 10] = [
    ("edg/", BrowserName::Edge),
    ("edga/", BrowserName::Edge),
    ("edgios/", BrowserName::Edge),
    ("opr/", BrowserName::Other),
    ("samsungbrowser/", BrowserName::Other),
    ("firefox/", BrowserName::Firefox),
    ("fxios/", BrowserName::Firefox),
    ("chrome/", BrowserName::Chrome),
    ("crios/", BrowserName::Chrome),
    ("safari/", BrowserName::Safari),
];

/// Android says Linux too, and an iPhone says that it is like a Mac.
const DEVICES: [(&str, Device); 8] = [
    ("android", Device::Android),
    ("iphone", Device::Ios),
    ("ipad", Device::Ios),
    ("windows", Device::Windows),
    ("macintosh", Device::Macos),
    ("cros", Device::Other),
    ("linux", Device::Linux),
    ("x11", Device::Linux),
];

impl BrowserKind {
    /// The kind that a request's `User-Agent` tells of; what cannot be read is
    /// `other`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let said = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        BrowserKind {
            browser: first_of(&BROWSERS, &said),
            device: first_of(&DEVICES, &said),
        }
    }
}

fn first_of<T: Copy + Default>(marks: &[(&str, T)], said: &str) -> T {
    marks
        .iter()
        .find(|(mark, _)| said.contains(mark))
        .map_or_else(T::default, |(_, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_by_what_they_say_of_themselves() {
        use BrowserName as B;
        use Device as D;
        for (said, browser, device) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                B::Firefox,
                D::Windows,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                B::Chrome,
                D::Linux,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                B::Edge,
                D::Windows,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                B::Safari,
                D::Macos,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                B::Safari,
                D::Ios,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                B::Chrome,
                D::Ios,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                B::Chrome,
                D::Android,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                B::Other,
                D::Android,
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                B::Chrome,
                D::Other,
            ),
            ("curl/8.5.0", B::Other, D::Other),
            ("", B::Other, D::Other),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, said.parse().unwrap());
            let expected = BrowserKind { browser, device };
            assert_eq!(BrowserKind::of(&headers), expected, "{said}");
        }
        assert_eq!(BrowserKind::of(&HeaderMap::new()), BrowserKind::default());
        let mut headers = HeaderMap::new();
        let bytes = axum::http::HeaderValue::from_bytes(b"Firefox/\xff").unwrap();
        headers.insert(header::USER_AGENT, bytes);
        assert_eq!(BrowserKind::of(&headers), BrowserKind::default());
    }
}
