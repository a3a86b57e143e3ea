//! The built front end (`web/dist`): served under `/static/` by content-hashed
//! names that never change, found through the build's manifest. The release
//! binary carries the files; a debug build reads them from the folder.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Files;

/// Logical names and the hashed files that stand for them.
#[derive(Debug, Default)]
pub struct Assets(BTreeMap<String, String>);

impl Assets {
    /// Reads the build's manifest; without a build every page is bare but works.
    #[must_use]
    pub fn load() -> Self {
        let manifest = Files::get("manifest.json")
            .and_then(|file| serde_json::from_slice(&file.data).ok())
            .unwrap_or_else(|| {
                tracing::warn!("web/dist has no manifest.json: run `make web`");
                BTreeMap::new()
            });
        Assets(manifest)
    }

    /// Address of an asset by its logical name, such as `app.css`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let file = self.0.get(name).map_or(name, String::as_str);
        format!("/static/{file}")
    }
}

/// Serves one built file.
pub async fn serve(Path(path): Path<String>) -> Response {
    let Some(file) = Files::get(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = file.metadata.mimetype().to_owned();
    (
        [
            (header::CONTENT_TYPE, kind),
            (
                header::CACHE_CONTROL,
                "public, max-age=31536000, immutable".to_owned(),
            ),
        ],
        file.data.into_owned(),
    )
        .into_response()
}
