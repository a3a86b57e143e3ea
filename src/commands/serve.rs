//! Starting the processes: pages, background work, media node.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Address, Handle, Server};
use hyper_util::rt::TokioTimer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

use super::MediaArguments;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, TlsMode};
use crate::error::Fault;
use crate::{
    audit, complaint, fetch_optional, hearings, identity, keys, media, metrics, notifications,
    scheduling,
};

const SELF_SIGNED_PEM: &str = "self-signed.pem";

/// Starts the log: one line per request and per act, with ids and nothing personal.
pub fn start_log(filter: &str, format: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    // A second start, in tests that run two commands, keeps the first one.
    let _ = if format == "json" {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}

/// The runtime of every command but `media`'s own.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    // Two TLS stacks could be asked for; this process uses ring for all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Fault::other)
}

/// `serve`: pages, background work and, unless nodes run apart, a media child.
///
/// # Errors
/// When the port is taken, or database or certificate cannot be had.
pub async fn serve(config: Config) -> Result<ExitCode, Fault> {
    refuse_open_sandbox(&config)?;
    let mut config = config;
    if config.tls == TlsMode::SelfSigned && config.provider_roots.as_os_str().is_empty() {
        // The sandbox's providers answer under this very certificate.
        self_signed(&config)?;
        config.provider_roots = config.data_dir.join(SELF_SIGNED_PEM);
    }
    let app = App::open(config, Clock::System).await?;
    app.db.migrate().await?;
    let shutdown = CancellationToken::new();
    let mut tasks = background(&app, &shutdown);
    let children = TaskTracker::new();
    for child in media::children(&app.config) {
        let drain = app.media.draining();
        children.spawn(media::supervise(
            app.clone(),
            child,
            drain,
            shutdown.clone(),
        ));
    }
    children.close();
    metrics::serve(&app, &shutdown).await?;
    let handle = Handle::new();
    let stopping = tokio::spawn(stop_on_signal(
        app.clone(),
        handle.clone(),
        children.clone(),
        shutdown.clone(),
    ));
    announce(&app.config);
    let service = app
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = std::net::TcpListener::bind(app.config.listen)
        .map_err(|error| Fault::other(format!("{}: {error}", app.config.listen)))?;
    listener.set_nonblocking(true).map_err(Fault::other)?;
    let served = match tls_of(&app.config).await? {
        None => {
            patient(axum_server::from_tcp(listener).map_err(Fault::other)?)
                .handle(handle)
                .serve(service)
                .await
        }
        Some(tls) => {
            patient(axum_server::from_tcp_rustls(listener, tls).map_err(Fault::other)?)
                .handle(handle)
                .serve(service)
                .await
        }
    };
    shutdown.cancel();
    stopping.abort();
    tasks.push(tokio::spawn(async move { children.wait().await }));
    for task in tasks {
        let _ = task.await;
    }
    served.map_err(Fault::other)?;
    Ok(ExitCode::SUCCESS)
}

/// How long a browser may take to say what it asks for.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// Gives up on connections that never finish a request's headers.
fn patient<A: Address, B>(mut server: Server<A, B>) -> Server<A, B> {
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    server
}

/// `worker`: background work without pages.
///
/// # Errors
/// When the database cannot be had.
pub async fn worker(config: Config) -> Result<ExitCode, Fault> {
    let app = App::open(config, Clock::System).await?;
    let shutdown = CancellationToken::new();
    let tasks = background(&app, &shutdown);
    metrics::serve(&app, &shutdown).await?;
    wait_for_signal().await;
    shutdown.cancel();
    for task in tasks {
        let _ = task.await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts what goes on beside the pages.
#[must_use]
pub fn background(app: &App, shutdown: &CancellationToken) -> Vec<tokio::task::JoinHandle<()>> {
    let tasks = vec![
        tokio::spawn(notifications::outbox::run(app.clone(), shutdown.clone())),
        tokio::spawn(notifications::upkeep::run(app.clone(), shutdown.clone())),
        tokio::spawn(keys::running::run(app.clone(), shutdown.clone())),
        tokio::spawn(identity::known::run(app.clone(), shutdown.clone())),
        tokio::spawn(identity::upkeep::run(app.clone(), shutdown.clone())),
        tokio::spawn(hearings::control::run(app.clone(), shutdown.clone())),
        tokio::spawn(hearings::unheld::run(app.clone(), shutdown.clone())),
        tokio::spawn(crate::booking::earlier::run(app.clone(), shutdown.clone())),
        tokio::spawn(crate::booking::counters::run(app.clone(), shutdown.clone())),
        tokio::spawn(complaint::handoff::run(app.clone(), shutdown.clone())),
        tokio::spawn(audit::keeper::run(app.clone(), shutdown.clone())),
        tokio::spawn(scheduling::webhooks::delivery::run(
            app.clone(),
            shutdown.clone(),
        )),
    ];
    #[cfg(feature = "sandbox")]
    let tasks = {
        let mut tasks = tasks;
        tasks.push(tokio::spawn(crate::sandbox::receiver::run(
            app.config.handoff_dir.clone().into(),
            shutdown.clone(),
        )));
        tasks
    };
    tasks
}

/// `media`: one media node. Everything it needs is opened before it is confined.
///
/// # Errors
/// When an address is taken or the key cannot be read.
pub fn media(arguments: MediaArguments) -> Result<ExitCode, Fault> {
    start_log(&arguments.log, "text");
    let config = signaling::NodeConfig {
        node: arguments.node,
        udp: arguments.udp,
        announce: Some(arguments.announce),
        token_key: keys::parse_master(&arguments.token_key)
            .map_err(|_| Fault::other("the token key is not 64 hexadecimal digits"))?,
        limits: signaling::Limits {
            drain: Duration::from_secs(60 * u64::from(arguments.drain_minutes)),
            proxies: arguments.proxy,
            ..signaling::Limits::default()
        },
    };
    let listener = std::net::TcpListener::bind(arguments.listen)
        .map_err(|error| Fault::other(format!("{}: {error}", arguments.listen)))?;
    listener.set_nonblocking(true).map_err(Fault::other)?;
    let supervised = arguments.supervised;
    // Before any other thread runs: what is held by this one is inherited.
    signaling::confine::confine().map_err(Fault::other)?;
    if supervised {
        end_with_standard_input();
    }
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Fault::other)?;
        let node = signaling::Node::start(listener, config).map_err(Fault::other)?;
        println!("{}", node.ready().line());
        let shutdown = CancellationToken::new();
        let (drain, stop) = (node.draining(), shutdown.clone());
        tokio::spawn(async move {
            // Asked to end, the node ends with its last hearing; asked twice, or
            // by the keyboard, it ends now.
            if wait_for_signal().await == Asked::ToTerminate {
                drain.cancel();
                wait_for_signal().await;
            }
            stop.cancel();
        });
        node.run(shutdown).await.map_err(Fault::other)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Ends this process when its parent closes our standard input or dies.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        let mut sink = [0_u8; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(read) if read > 0) {}
        std::process::exit(0);
    });
}

/// Whether this process can serve: the database answers, and nobody asked it to end.
pub async fn ready(State(app): State<App>) -> Result<&'static str, StatusCode> {
    if app.media.draining().is_cancelled() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    async fn ask(app: &App) -> Result<(), Fault> {
        let mut tx = app.db.read().await?;
        fetch_optional!(&mut tx, (i64,), "select count(*) from units")?;
        Ok(())
    }
    match ask(&app).await {
        Ok(()) => Ok("ready\n"),
        Err(fault) => {
            tracing::warn!(%fault, "not ready: {fault}");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// Asked to terminate, the service ends with the last hearing on its own media
/// nodes; asked again, or by the keyboard, it ends now.
async fn stop_on_signal(
    app: App,
    handle: Handle<std::net::SocketAddr>,
    children: TaskTracker,
    shutdown: CancellationToken,
) {
    if wait_for_signal().await == Asked::ToTerminate {
        tracing::info!("draining");
        app.media.draining().cancel();
        tokio::select! {
            () = children.wait() => {}
            _ = wait_for_signal() => {}
        }
    }
    tracing::info!("stopping");
    shutdown.cancel();
    handle.graceful_shutdown(Some(Duration::from_secs(5)));
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ToTerminate,
    ToInterrupt,
}

async fn wait_for_signal() -> Asked {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => Asked::ToTerminate,
        _ = interrupt.recv() => Asked::ToInterrupt,
    }
}

/// The sandbox lets anybody be anybody: it is shown to this machine or, on
/// purpose, to a local network by self-signed TLS, never to the Internet.
fn refuse_open_sandbox(config: &Config) -> Result<(), Fault> {
    let open =
        cfg!(feature = "sandbox") && !config.on_localhost() && config.tls != TlsMode::SelfSigned;
    if open {
        return Err(Fault::other(
            "this build holds the sandbox, where anybody can be anybody: it serves localhost, or a local network with tls = \"self_signed\"",
        ));
    }
    Ok(())
}

async fn tls_of(config: &Config) -> Result<Option<RustlsConfig>, Fault> {
    match config.tls {
        TlsMode::Off => Ok(None),
        TlsMode::Files => RustlsConfig::from_pem_file(&config.tls_certificate, &config.tls_key)
            .await
            .map(Some)
            .map_err(Fault::other),
        TlsMode::SelfSigned => {
            let (certificate, key) = self_signed(config)?;
            RustlsConfig::from_pem(certificate.into_bytes(), key.into_bytes())
                .await
                .map(Some)
                .map_err(Fault::other)
        }
    }
}

/// The certificate of the local network: made once and kept, so that a phone
/// that accepted it is not asked again.
///
/// # Errors
/// When it cannot be made, read or written.
pub fn self_signed(config: &Config) -> Result<(String, String), Fault> {
    let (certificate_path, key_path) = (
        config.data_dir.join(SELF_SIGNED_PEM),
        config.data_dir.join("self-signed.key"),
    );
    if let (Ok(certificate), Ok(key)) = (
        std::fs::read_to_string(&certificate_path),
        std::fs::read_to_string(&key_path),
    ) {
        return Ok((certificate, key));
    }
    std::fs::create_dir_all(&config.data_dir).map_err(Fault::other)?;
    let host = url::Url::parse(&config.public_url)
        .ok()
        .and_then(|url| url.host_str().map(ToOwned::to_owned))
        .unwrap_or_else(|| "localhost".to_owned());
    let made = rcgen::generate_simple_self_signed(vec![host, "localhost".to_owned()])
        .map_err(Fault::other)?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(&certificate_path, &certificate).map_err(Fault::other)?;
    let mut file = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.write(true)
        .create(true)
        .truncate(true)
        .open(&key_path)
        .and_then(|mut file| file.write_all(key.as_bytes()))
        .map_err(Fault::other)?;
    Ok((certificate, key))
}

/// Tells the person at the terminal what to open.
fn announce(config: &Config) {
    println!();
    println!("  VisioPlainte est prête : {}", config.public_url);
    println!("    Usager          {}/", config.public_url);
    println!("    Agent           {}/agent", config.public_url);
    println!("    Administration  {}/administration", config.public_url);
    if cfg!(feature = "sandbox") {
        println!(
            "    Courriels       {}/bac-a-sable/courrier",
            config.public_url
        );
        println!("    SMS             {}/bac-a-sable/sms", config.public_url);
    }
    if config.tls == TlsMode::SelfSigned
        && let Ok(code) = qrcode::QrCode::new(config.public_url.as_bytes())
    {
        let picture = code.render::<qrcode::render::unicode::Dense1x2>().build();
        println!("\n{picture}\n  Le téléphone demandera d’accepter le certificat.");
    }
    println!();
}
