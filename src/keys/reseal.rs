//! Everything in the database that the service's own key sealed, or wrapped, sealed anew
//! with the newest of the ring. It goes row by row in the order of keys, changes a row
//! only as it was read, and may be ended and begun again at any time, beside a running
//! service.
//!
//! What is sealed with a case's key is left alone: that key is wrapped anew, and so
//! nothing of what it seals.

use super::{Keys, SealingKey, case_key_place};
use crate::db::{Db, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all};

/// Rows that one transaction reads.
const BATCH: usize = 500;

/// What was done in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// `table.column`.
    pub column: &'static str,
    /// Values seen.
    pub seen: usize,
    /// Of these, sealed anew.
    pub anew: usize,
    /// Of these, opened by no key of the ring: lost, whatever is done.
    pub lost: usize,
}

/// A value as it is read: its row, what its place is told from, the sealed bytes.
#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    about: String,
    sealed: Vec<u8>,
}

/// Reads and writes of one column; `$select` gives [`Row`]s after `$1` in order,
/// `$update` puts `$2` in place of `$3` in row `$1`.
macro_rules! column {
    ($db:expr, $key:expr, $name:literal, $place:expr, $select:literal, $update:literal) => {{
        let mut done = Resealed {
            column: $name,
            seen: 0,
            anew: 0,
            lost: 0,
        };
        let mut after = String::new();
        loop {
            let mut tx = $db.begin().await?;
            let rows = fetch_all!(&mut tx, Row, $select, &after)?;
            let Some(last) = rows.last() else {
                break;
            };
            after.clone_from(&last.id);
            let whole = rows.len() < BATCH;
            for row in rows {
                done.seen += 1;
                match $key.reseal(&$place(&row.about), &row.sealed) {
                    Ok(None) => {}
                    Ok(Some(anew)) => {
                        let changed = execute!(&mut tx, $update, &row.id, anew, &row.sealed)?;
                        done.anew += usize::try_from(changed).map_err(Fault::other)?;
                    }
                    Err(_) => done.lost += 1,
                }
            }
            tx.commit().await?;
            if whole {
                break;
            }
        }
        done
    }};
}

/// Seals everything anew that a former key sealed.
///
/// # Errors
/// When the database fails.
pub async fn reseal(db: &Db, keys: &Keys) -> Result<Vec<Resealed>, Fault> {
    let service: &SealingKey = &keys.service;
    Ok(vec![
        column!(
            db,
            keys.wrapping,
            "case_keys.wrapped_key",
            case_key_place,
            "select case_id as id, case_id as about, wrapped_key as sealed from case_keys
             where case_id > $1 order by case_id limit 500",
            "update case_keys set wrapped_key = $2 where case_id = $1 and wrapped_key = $3"
        ),
        column!(
            db,
            service,
            "citizens.sealed_identity",
            |id: &str| format!("citizen/{id}"),
            "select id, id as about, sealed_identity as sealed from citizens
             where id > $1 order by id limit 500",
            "update citizens set sealed_identity = $2 where id = $1 and sealed_identity = $3"
        ),
        column!(
            db,
            service,
            "citizens.sealed_differing",
            |id: &str| format!("citizen/{id}/differing"),
            "select id, id as about, sealed_differing as sealed from citizens
             where id > $1 and sealed_differing is not null order by id limit 500",
            "update citizens set sealed_differing = $2 where id = $1 and sealed_differing = $3"
        ),
        column!(
            db,
            service,
            "officers.sealed_identity",
            |id: &str| format!("officer/{id}"),
            "select id, id as about, sealed_identity as sealed from officers
             where id > $1 order by id limit 500",
            "update officers set sealed_identity = $2 where id = $1 and sealed_identity = $3"
        ),
        column!(
            db,
            service,
            "empowerment_requests.sealed_identity",
            |who: &str| format!("empowerment-request/{who}"),
            "select id, idp_id || '/' || sub as about, sealed_identity as sealed from empowerment_requests
             where id > $1 order by id limit 500",
            "update empowerment_requests set sealed_identity = $2 where id = $1 and sealed_identity = $3"
        ),
        column!(
            db,
            service,
            "sessions.sealed_id_token",
            |id: &str| format!("session/{id}"),
            "select id, id as about, sealed_id_token as sealed from sessions
             where id > $1 and length(sealed_id_token) > 0 order by id limit 500",
            "update sessions set sealed_id_token = $2 where id = $1 and sealed_id_token = $3"
        ),
        column!(
            db,
            service,
            "login_attempts.sealed_request",
            |id: &str| format!("login-attempt/{id}"),
            "select state_hash as id, state_hash as about, sealed_request as sealed from login_attempts
             where state_hash > $1 order by state_hash limit 500",
            "update login_attempts set sealed_request = $2 where state_hash = $1 and sealed_request = $3"
        ),
        column!(
            db,
            service,
            "messages.sealed_values",
            |id: &str| format!("message/{id}"),
            "select id, id as about, sealed_values as sealed from messages
             where id > $1 and length(sealed_values) > 0 order by id limit 500",
            "update messages set sealed_values = $2 where id = $1 and sealed_values = $3"
        ),
        column!(
            db,
            service,
            "scheduling_webhook_secrets.sealed_secret",
            |id: &str| format!("scheduling-webhook-secret/{id}"),
            "select id, id as about, sealed_secret as sealed from scheduling_webhook_secrets
             where id > $1 order by id limit 500",
            "update scheduling_webhook_secrets set sealed_secret = $2 where id = $1 and sealed_secret = $3"
        ),
    ])
}

/// An old process may still send links for so long after another key is there.
const RESTART_MINUTES: i64 = 60;

/// Personal links that were sent with the key of before `since` and still open something
/// at `now`: how many, and until when the last of those does that end. The links of people
/// without an account do not end: by them they come back to their documents.
///
/// # Errors
/// When the database fails.
pub async fn links_from_before(
    tx: &mut Tx,
    since: crate::clock::Timestamp,
    now: crate::clock::Timestamp,
) -> Result<(i64, crate::clock::Timestamp), Fault> {
    let rows = fetch_all!(
        tx,
        (i64, i64),
        "select count(*), cast(coalesce(max(valid_until), 0) as bigint) from meeting_links l
         where issued_at < $1 and ((valid_until > $2 and revoked_at is null)
             or exists (select 1 from citizens c where l.person = 'citizen/' || c.id and c.issuer = 'declared'))",
        since.plus_minutes(RESTART_MINUTES),
        now
    )?;
    let (count, until) = rows.first().copied().unwrap_or_default();
    Ok((count, crate::clock::Timestamp(until)))
}

#[cfg(all(test, feature = "sandbox"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::db::Db;
    use crate::testing::{on_every_engine, on_sqlite};

    const MONDAY: &str = "2026-03-02T08:00:00Z";

    /// Columns that a case's key seals: wrapped anew with that key.
    const OF_CASES: &[&str] = &[
        "agreements.sealed_reason",
        "change_requests.sealed_answer",
        "change_requests.sealed_text",
        "declarations.sealed_content",
        "guests.sealed_identity",
        "record_drafts.sealed_content",
        "record_versions.sealed_content",
        "signatures.sealed_prepared",
    ];

    #[tokio::test]
    async fn no_sealed_column_is_forgotten() {
        let app = on_sqlite(MONDAY).await;
        let Db::Lite { writer, .. } = &app.db else {
            panic!("SQLite tells its columns");
        };
        let mut columns: Vec<String> = sqlx::query_scalar(
            "select t.name || '.' || c.name from sqlite_master t join pragma_table_info(t.name) c
             where t.type = 'table' and (c.name like 'sealed%' or c.name like 'wrapped%')",
        )
        .fetch_all(writer)
        .await
        .unwrap();
        let done = reseal(&app.db, &app.keys).await.unwrap();
        let mut known: Vec<String> = done.iter().map(|done| done.column.to_owned()).collect();
        known.extend(OF_CASES.iter().map(|column| (*column).to_owned()));
        known.sort();
        columns.sort();
        assert_eq!(columns, known);
    }

    #[tokio::test]
    async fn everything_is_sealed_anew_once_and_what_no_key_opens_is_told() {
        for app in on_every_engine(MONDAY).await {
            let (_, case) = app.citizen_with_case("Angèle", "u-78-police").await;
            let masters = crate::keys::Masters::in_folder(&app.config.data_dir).unwrap();
            let rotated = masters.rotated([5; 32], app.clock.now());
            let ring = Keys::from_masters(&rotated);
            let newest = Keys::from_masters(&rotated.without_former());
            let mut tx = app.db.begin().await.unwrap();
            assert!(newest.case_key(&mut tx, &case).await.is_err());
            execute!(
                &mut tx,
                "insert into messages (id, event, recipient, channel, template, language, sealed_values,
                     state, attempts, next_attempt_at, expires_at, created_at)
                 values ('m', 'e', 'r', 'sms', 'ready', 'fr', $1, 'pending', 0, 0, 0, 0)",
                vec![9_u8; 40]
            )
            .unwrap();
            tx.commit().await.unwrap();
            let done = reseal(&app.db, &ring).await.unwrap();
            let of = |name: &str| {
                done.iter()
                    .find(|done| done.column == name)
                    .unwrap()
                    .clone()
            };
            let keys = of("case_keys.wrapped_key");
            assert!(keys.seen > 0 && keys.anew == keys.seen && keys.lost == 0);
            assert_eq!(
                (
                    of("messages.sealed_values").anew,
                    of("messages.sealed_values").lost
                ),
                (0, 1)
            );
            let mut tx = app.db.begin().await.unwrap();
            assert!(newest.case_key(&mut tx, &case).await.is_ok());
            drop(tx);
            let again = reseal(&app.db, &ring).await.unwrap();
            assert!(again.iter().all(|done| done.anew == 0), "{again:?}");
        }
    }
}
