//! A router that remembers which paths it was given, so that a test can ask the
//! service itself what it answers and compare that with who may do what. It
//! knows no slice and decides nothing: requests never meet it.

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::MethodRouter;

use crate::app::App;

/// Routes as a slice registers them. Which methods a path takes is not noted
/// here: whoever wants to know asks by a method that no route has, and reads
/// `Allow`.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router<App>,
    paths: BTreeSet<String>,
}

impl Routes {
    /// No route yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route by its pattern, as [`Router::route`] does.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter<App>) -> Self {
        self.paths.insert(path.to_owned());
        self.router = self.router.route(path, methods);
        self
    }

    /// Adds all routes of another slice.
    #[must_use]
    pub fn merge(mut self, mut other: Routes) -> Self {
        self.paths.append(&mut other.paths);
        self.router = self.router.merge(other.router);
        self
    }

    /// Puts something around the routes so far: a layer, an extension. Routes
    /// added in there would go unnoticed, so none are.
    #[must_use]
    pub fn within(mut self, wrap: impl FnOnce(Router<App>) -> Router<App>) -> Self {
        self.router = wrap(self.router);
        self
    }

    /// The patterns, each once.
    #[must_use]
    pub fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    /// The router that answers requests.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}
