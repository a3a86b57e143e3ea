//! What a login costs us: from the button to the page wanted, without what the
//! provider does meanwhile, over the same server's handler that does nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use visioplainte::app::App;

use crate::kit::{median, tell};
use crate::support::{Browser, Citizen};

/// Logins of one measured piece, each followed by as many empty requests.
const LOGINS: usize = 20;
/// Interleaved pieces; their median is told.
const ROUNDS: usize = 9;
/// Below it is all that the sandbox's provider answers.
const PROVIDER: &str = "/bac-a-sable/";

/// Nanoseconds.
#[derive(Clone, Default)]
struct Spent(Arc<AtomicU64>);

impl Spent {
    fn add(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap();
        self.0.fetch_add(time, Ordering::Relaxed);
    }

    fn take(&self) -> f64 {
        self.0.swap(0, Ordering::Relaxed) as f64
    }
}

async fn watch(State(provider): State<Spent>, request: Request, next: Next) -> Response {
    // The browser comes through a proxy; who does not is us, inside our callback.
    let asked = request.uri().path().starts_with(PROVIDER)
        && !request.headers().contains_key("x-forwarded-for");
    let began = Instant::now();
    let answer = next.run(request).await;
    if asked {
        provider.add(began.elapsed());
    }
    answer
}

/// Serves the whole service and logs people in.
pub async fn measure(app: &App, listener: TcpListener) {
    let provider = Spent::default();
    let router = app
        .router()
        .layer(middleware::from_fn_with_state(provider.clone(), watch))
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (ours, empty) = (Spent::default(), Spent::default());
    let watcher = {
        let (ours, empty) = (ours.clone(), empty.clone());
        Arc::new(move |label: &str, took: Option<Duration>| {
            let Some(took) = took else { return };
            if label.ends_with(" /health") {
                empty.add(took);
            } else if !label.contains(PROVIDER) {
                ours.add(took);
            }
        })
    };
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..LOGINS {
            // Each from an address of its own: one alone is soon asked to wait.
            let address = format!("198.51.{round}.{number}");
            let browser = Browser::new(&app.config.public_url)
                .keeping_connections()
                .behind(&address);
            let page = browser.get("/connexion?retour=/espace").await.ok();
            let citizen = Citizen::new("camille", browser.watched_by(watcher.clone()));
            let landed = citizen.identify(&page).await.ok();
            assert_eq!(landed.address, "/espace");
            citizen.get("/health").await.ok();
        }
        let (ours, provider, empty) = (ours.take(), provider.take(), empty.take());
        ratios.push((ours - provider) / empty);
    }
    tell(
        "identity.login_ratio",
        median(ratios),
        "times an empty handler (button, callback, page; without the provider)",
    );
}
