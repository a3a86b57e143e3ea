//! The only file that knows two databases. One migrations folder and one text
//! per statement run on SQLite (default: one file, no server) and PostgreSQL.
//!
//! SQLite writes begin IMMEDIATE on a single writer connection, so a writer
//! never finds the database locked half-way; reads have a pool of their own.
//! SQLite names no violated constraint, so callers ask
//! [`Fault::is_unique_violation`](crate::error::Fault::is_unique_violation) or
//! use `on conflict do nothing` and count rows.
//!
//! The macros register every statement they are given, so that a test can
//! prepare all of them on both engines.

use std::str::FromStr;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, Transaction};

use crate::error::Fault;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The database of the service.
#[derive(Clone, Debug)]
pub enum Db {
    /// One file. The writer pool holds a single connection.
    Lite {
        /// The one connection that writes.
        writer: SqlitePool,
        /// Connections that only read.
        reader: SqlitePool,
    },
    /// A PostgreSQL server.
    Pg(PgPool),
}

/// A transaction on either engine. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    #[doc(hidden)]
    pub engine: Engine,
    /// Acts done in it, logged only once they are durable.
    acts: Vec<String>,
}

/// The engine's own transaction, for the macros below.
#[derive(Debug)]
#[doc(hidden)]
pub enum Engine {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl From<Engine> for Tx {
    fn from(engine: Engine) -> Self {
        Tx {
            engine,
            acts: Vec::new(),
        }
    }
}

impl Db {
    /// Opens `sqlite:PATH` (created when absent) or `postgres://…`.
    ///
    /// # Errors
    /// When the address is neither, or the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, Fault> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new()
                .max_connections(32)
                .acquire_timeout(Duration::from_secs(20))
                .connect_with(options)
                .await?;
            return Ok(Db::Pg(pool));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(20))
            .connect_with(options.clone())
            .await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(20))
            .connect_with(options.read_only(true))
            .await?;
        Ok(Db::Lite { writer, reader })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// When a migration fails, or was changed after it ran.
    pub async fn migrate(&self) -> Result<(), Fault> {
        match self {
            Db::Lite { writer, .. } => MIGRATOR.run(writer).await?,
            Db::Pg(pool) => MIGRATOR.run(pool).await?,
        }
        Ok(())
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        Ok(match self {
            Db::Lite { writer, .. } => Engine::Lite(writer.begin_with("begin immediate").await?),
            Db::Pg(pool) => Engine::Pg(pool.begin().await?),
        }
        .into())
    }

    /// Begins a transaction that only reads, and reads one instant of the whole
    /// database on both engines: what it reads second fits what it read first.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn read(&self) -> Result<Tx, Fault> {
        Ok(match self {
            Db::Lite { reader, .. } => Engine::Lite(reader.begin().await?),
            Db::Pg(pool) => Engine::Pg(
                pool.begin_with("begin isolation level repeatable read read only")
                    .await?,
            ),
        }
        .into())
    }

    /// `"sqlite"` or `"postgresql"`, for operators.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self {
            Db::Lite { .. } => "sqlite",
            Db::Pg(_) => "postgresql",
        }
    }
}

impl Tx {
    /// Makes everything done in this transaction durable.
    ///
    /// # Errors
    /// When the database refuses; then nothing of it happened.
    pub async fn commit(self) -> Result<(), Fault> {
        match self.engine {
            Engine::Lite(tx) => tx.commit().await?,
            Engine::Pg(tx) => tx.commit().await?,
        }
        for act in self.acts {
            tracing::info!(act, "act {act}");
        }
        Ok(())
    }

    /// Notes an act (ids and numbers only), to be logged when it is durable.
    pub fn note_act(&mut self, act: String) {
        self.acts.push(act);
    }
}

/// A statement given to one of the macros, for the test that prepares them all.
#[derive(Debug)]
pub struct Statement {
    /// Its text.
    pub sql: &'static str,
    /// The file it stands in.
    pub file: &'static str,
    /// The line it stands at.
    pub line: u32,
}
inventory::collect!(Statement);

/// Registers a statement's text; used by the macros below.
#[macro_export]
#[doc(hidden)]
macro_rules! register_statement {
    ($sql:literal) => {
        ::inventory::submit! {
            $crate::db::Statement { sql: $sql, file: file!(), line: line!() }
        }
    };
}

/// Runs a statement; gives the number of rows it touched.
#[macro_export]
macro_rules! execute {
    ($tx:expr, $sql:literal $(, $arg:expr)* $(,)?) => {{
        $crate::register_statement!($sql);
        let rows: Result<u64, $crate::error::Fault> = match &mut $tx.engine {
            $crate::db::Engine::Lite(tx) => sqlx::query($sql)$(.bind($arg))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()).map_err(Into::into),
            $crate::db::Engine::Pg(tx) => sqlx::query($sql)$(.bind($arg))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()).map_err(Into::into),
        };
        rows
    }};
}

/// Reads every row as `$row`, a type that derives `sqlx::FromRow`.
#[macro_export]
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {{
        $crate::register_statement!($sql);
        let rows: Result<Vec<$row>, $crate::error::Fault> = match &mut $tx.engine {
            $crate::db::Engine::Lite(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
                .fetch_all(&mut **tx).await.map_err(Into::into),
            $crate::db::Engine::Pg(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
                .fetch_all(&mut **tx).await.map_err(Into::into),
        };
        rows
    }};
}

/// Reads the first row, if there is one, as `$row`.
#[macro_export]
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {{
        $crate::register_statement!($sql);
        let row: Result<Option<$row>, $crate::error::Fault> = match &mut $tx.engine {
            $crate::db::Engine::Lite(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
                .fetch_optional(&mut **tx).await.map_err(Into::into),
            $crate::db::Engine::Pg(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*
                .fetch_optional(&mut **tx).await.map_err(Into::into),
        };
        row
    }};
}

/// The key of a row: 128 random bits in hexadecimal, or a readable name in seeds.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Id(pub String);

impl Id {
    /// A fresh identifier that nobody can guess.
    #[must_use]
    pub fn random() -> Self {
        Id(random_hex::<16>())
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Id {
    fn from(value: &str) -> Self {
        Id(value.to_owned())
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `N` random bytes from the operating system.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("a system without a source of randomness cannot run this service at all");
    bytes
}

/// `N` random bytes in hexadecimal.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    hex(&random_bytes::<N>())
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for; none when they are not pairs of such.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// An enum that is stored, sent and shown by the same lower-case words.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for this value in the database and in URLs.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value a word stands for.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $name::parse(&text).ok_or_else(|| serde::de::Error::custom("unknown word"))
            }
        }

        impl<DB: sqlx::Database> sqlx::Type<DB> for $name where String: sqlx::Type<DB> {
            fn type_info() -> DB::TypeInfo { <String as sqlx::Type<DB>>::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { <String as sqlx::Type<DB>>::compatible(ty) }
        }

        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name where String: sqlx::Encode<'q, DB> {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <String as sqlx::Encode<'q, DB>>::encode(self.as_str().to_owned(), buffer)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name where String: sqlx::Decode<'r, DB> {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <String as sqlx::Decode<'r, DB>>::decode(value)?;
                $name::parse(&text).ok_or_else(|| format!("unknown {} {text:?}", stringify!($name)).into())
            }
        }
    };
}
