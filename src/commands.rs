//! The subcommands: how a process of the service starts, and how an operator
//! examines a deployment.

mod admin;
mod check;
mod incident;
mod journal;
mod keys;
mod relay;
mod serve;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use crate::app::App;
use crate::calendar::national_list::{self, NationalList};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Fault;

pub use serve::{background, ready};

/// What the binary can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pages, background work and supervised media nodes (the default).
    Serve,
    /// A media node alone: no database, no secret, no file.
    Media(MediaArguments),
    /// Background work alone: messages, hand-off, media control.
    Worker,
    /// Brings the database's schema up to date.
    Migrate,
    /// Fills the database with the demonstration's fictional units.
    Seed,
    /// Loads the national list of communes, from the folder `data` of the npm package
    /// @etalab/decoupage-administratif.
    Communes {
        /// The folder with departements.json and communes.json.
        folder: PathBuf,
    },
    /// Prints the public key that media nodes run apart are started with; or puts another
    /// master key in the place of the present one.
    Keys {
        /// What to do; nothing: print.
        #[command(subcommand)]
        step: Option<KeyStep>,
    },
    /// Examines this deployment and says what is wrong with it.
    Check {
        /// Only the relay, which needs no database: to be asked from outside.
        #[arg(long)]
        relay: bool,
    },
    /// Who administers.
    #[command(subcommand)]
    Admin(Admin),
    /// What people are told while something does not work.
    #[command(subcommand)]
    Incident(Incident),
    /// The journal.
    #[command(subcommand)]
    Journal(Journal),
    /// Hand-off packages.
    #[command(subcommand)]
    Package(Package),
}

/// Arguments of a media node.
#[derive(Debug, clap::Args)]
pub struct MediaArguments {
    /// End when standard input closes: the parent is gone.
    #[arg(long)]
    supervised: bool,
    /// Address of signaling and control.
    #[arg(long)]
    listen: SocketAddr,
    /// UDP address of a worker; once for each.
    #[arg(long, required = true)]
    udp: Vec<SocketAddr>,
    /// Address told to browsers when it differs from the bound one; once for each
    /// family, or BOUND=PUBLIC for each bound address.
    #[arg(long)]
    announce: Vec<signaling::Announced>,
    /// Public key of join and control tokens, 64 hexadecimal digits.
    #[arg(long)]
    token_key: String,
    /// Name of the node.
    #[arg(long, default_value = "media")]
    node: String,
    /// Proxy, or network of proxies (192.0.2.0/24), that is believed about whom it
    /// speaks for, besides those on this machine; once for each.
    #[arg(long)]
    proxy: Vec<signaling::Network>,
    /// How long to wait for the last hearings once asked to end (SIGTERM).
    #[arg(long, default_value_t = 60)]
    drain_minutes: u16,
    /// Filter of the log.
    #[arg(long, default_value = "info")]
    log: String,
}

/// What can be done about administrators from the machine of the service.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Empowers the first administrator of a unit or department, where nobody can yet on
    /// the pages: they signed in, were refused, and tell the code of their request.
    Create {
        /// The code they were shown, D-XXXXX-XXXXX; or, of an officer known here, the
        /// administrative number.
        #[arg(long)]
        code: String,
        /// Their administrative number (RIO), five to ten digits.
        #[arg(long)]
        rio: String,
        /// The unit they administer, or sit in, by its identifier.
        #[arg(long)]
        unit: String,
        /// `department_admin` or `unit_admin`.
        #[arg(long, default_value = "department_admin")]
        role: String,
    },
}

/// How another master key takes the place of the present one.
#[derive(Debug, Subcommand)]
pub enum KeyStep {
    /// First: makes another master key. What the former sealed is still opened.
    Rotate,
    /// Then, once every process was restarted: seals everything in the database anew.
    Reseal,
    /// Last: takes the former master key out, if nothing needs it any more.
    Forget {
        /// Also where links that were sent before would then open nothing.
        #[arg(long)]
        with_links: bool,
        /// Also where something opens with no key at all.
        #[arg(long)]
        with_lost: bool,
    },
}

/// What can be told from the machine of the service.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Puts a message above the pages of the whole country, or of a department.
    Publish {
        /// The message in French.
        #[arg(long)]
        fr: String,
        /// The message in English.
        #[arg(long)]
        en: String,
        /// When it begins, as 2026-03-02T10:00:00+01:00.
        #[arg(long)]
        from: String,
        /// When it ends, at most 31 days later.
        #[arg(long)]
        to: String,
        /// INSEE code of a department; without it, the whole country.
        #[arg(long)]
        department: Option<String>,
        /// `everybody`, `citizens` or `officers`.
        #[arg(long, default_value = "everybody")]
        audience: String,
    },
    /// Lists the latest messages.
    List,
    /// Takes a message back.
    Withdraw {
        /// Its identifier, as `list` prints it.
        id: String,
    },
}

/// What can be done with the journal.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Finds the first line that was changed, removed, inserted or moved.
    Verify {
        /// An exported file; without it, the database is examined.
        #[arg(requires = "key")]
        file: Option<PathBuf>,
        /// Public key of the journal, 64 hexadecimal digits, as `journal key` printed it.
        #[arg(long)]
        key: Option<String>,
    },
    /// Writes every chain, with the signed roots, to standard output.
    Export,
    /// Prints the public key that exported files are checked with.
    Key,
}

/// What can be done with hand-off packages.
#[derive(Debug, Subcommand)]
pub enum Package {
    /// Checks a delivered package against its own list of hashes.
    Verify {
        /// The package's folder.
        folder: PathBuf,
    },
}

/// Loads the national list of communes; loaded again, it brings it up to date.
async fn load_communes(config: Config, folder: &Path) -> Result<ExitCode, Fault> {
    let text = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| Fault::other(format!("{}: {error}", path.display())))
    };
    let list = NationalList::read(&text("departements.json")?, &text("communes.json")?)
        .map_err(Fault::other)?;
    let app = App::open(config, Clock::System).await?;
    let mut tx = app.db.begin().await?;
    national_list::load(&mut tx, &list, app.clock.now()).await?;
    tx.commit().await?;
    println!(
        "{} departments, {} communes",
        list.departments.len(),
        list.communes.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// Runs a subcommand to its end.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    // What this process writes is for its own user alone.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let outcome = match command {
        Command::Media(arguments) => serve::media(arguments),
        Command::Package(Package::Verify { folder }) => verify_package(&folder),
        // Whoever checks a file need not have the service.
        Command::Journal(Journal::Verify {
            file: Some(file),
            key: Some(key),
        }) => journal::verify_file(&file, &key),
        other => with_service(other),
    };
    match outcome {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("visioplainte: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn with_service(command: Command) -> Result<ExitCode, Fault> {
    let config = Config::load()?;
    serve::start_log(&config.log, &config.log_format);
    serve::runtime()?.block_on(async {
        match command {
            Command::Serve => serve::serve(config).await,
            Command::Worker => serve::worker(config).await,
            Command::Migrate => {
                let app = App::open(config, Clock::System).await?;
                app.db.migrate().await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Seed => {
                let app = App::open(config, Clock::System).await?;
                crate::seed::seed(&app).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Communes { folder } => load_communes(config, &folder).await,
            Command::Keys { step } => keys::run(config, step).await,
            Command::Admin(Admin::Create {
                code,
                rio,
                unit,
                role,
            }) => admin::create(config, (&code, &rio), &unit, &role).await,
            Command::Incident(command) => incident::run(config, command).await,
            Command::Check { relay } => check::check(config, relay).await,
            Command::Journal(Journal::Verify { .. }) => journal::verify(config).await,
            Command::Journal(Journal::Export) => journal::export(config).await,
            Command::Journal(Journal::Key) => journal::key(&config),
            Command::Media(_) | Command::Package(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

fn verify_package(folder: &std::path::Path) -> Result<ExitCode, Fault> {
    match crate::complaint::package::verify_folder(folder) {
        Ok(files) => {
            println!("package: {files} files, all as listed");
            Ok(ExitCode::SUCCESS)
        }
        Err(wrong) => {
            println!("package: {wrong}");
            Ok(ExitCode::FAILURE)
        }
    }
}
