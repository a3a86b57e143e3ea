//! Units as a department sets them up: one more, another sheet, closing one, opening it
//! again. Every change is a version with its author and what stood before. Whoever is
//! expected in a unit is the caller's affair: this slice knows nobody.

use super::sheet::{PublicFacts, Sheet, SheetField};
use super::{Desk, Unit, release, store};
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::text_enum;

/// What a new unit's slots begin with, until its rules are set: half an hour, offered a
/// month ahead, an hour's notice, public holidays off.
const FIRST_RULES: (i64, i64, i64, i64) = (30, 0, 60, 31);

text_enum! {
    /// What was done to a unit.
    UnitAct {
        /// It was added.
        Create = "create",
        /// Its sheet was changed.
        Edit = "edit",
        /// It was closed.
        Close = "close",
        /// It was opened again.
        Reopen = "reopen",
    }
}

/// A version as stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct UnitChangeRow {
    pub version: i64,
    pub act: UnitAct,
    pub former: String,
    pub sheet: String,
    pub set_at: Timestamp,
    pub set_by: String,
    pub undoes: Option<i64>,
}

/// A change of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitChange {
    /// Its number, from 1.
    pub version: i64,
    /// What was done.
    pub act: UnitAct,
    /// The sheet before.
    pub former: Sheet,
    /// The sheet since.
    pub sheet: Sheet,
    /// When.
    pub set_at: Timestamp,
    /// By whom, as an actor.
    pub set_by: String,
    /// The version that this one took back.
    pub undoes: Option<i64>,
}

impl UnitChange {
    /// The lines of the sheet that it changed.
    #[must_use]
    pub fn fields(&self) -> Vec<SheetField> {
        self.former.differences(&self.sheet)
    }

    /// Whether it can be taken back by putting the former sheet in place again.
    #[must_use]
    pub fn can_be_undone(&self) -> bool {
        self.act == UnitAct::Edit && self.undoes.is_none()
    }
}

/// The latest changes of a unit, the latest first.
///
/// # Errors
/// When the database fails, or a sheet does not read as one.
pub async fn list_changes(tx: &mut Tx, unit_id: &Id, most: i64) -> Result<Vec<UnitChange>, Fault> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|error| Fault::other(format!("sheet: {error}")))
    };
    let rows = store::list_unit_changes(tx, unit_id, most).await?;
    rows.into_iter()
        .map(|row| {
            Ok(UnitChange {
                former: read(&row.former)?,
                sheet: read(&row.sheet)?,
                version: row.version,
                act: row.act,
                set_at: row.set_at,
                set_by: row.set_by,
                undoes: row.undoes,
            })
        })
        .collect()
}

/// Writes a version; gives whether it follows `version`, as it must.
async fn note(
    tx: &mut Tx,
    unit_id: &Id,
    (version, undoes): (i64, Option<i64>),
    act: UnitAct,
    (former, sheet): (&Sheet, &Sheet),
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let written = |sheet: &Sheet| {
        serde_json::to_string(sheet).map_err(|error| Fault::other(format!("sheet: {error}")))
    };
    let row = UnitChangeRow {
        version: version + 1,
        act,
        former: written(former)?,
        sheet: written(sheet)?,
        set_at: now,
        set_by: actor.to_string(),
        undoes,
    };
    store::insert_unit_change(tx, unit_id, &row).await
}

/// Adds a unit to a department, without a desk and without a commune; gives its key.
///
/// # Errors
/// When the database fails.
pub async fn create(
    tx: &mut Tx,
    department: &str,
    sheet: &Sheet,
    actor: &Actor,
    now: Timestamp,
) -> Result<Id, Fault> {
    let (slot_minutes, buffer_minutes, notice_minutes, horizon_days) = FIRST_RULES;
    let unit = Unit {
        id: Id::random(),
        department: department.to_owned(),
        kind: sheet.kind,
        name: sheet.name.clone(),
        address: sheet.address.clone(),
        postal_code: sheet.postal_code.clone(),
        city: sheet.city.clone(),
        phone: sheet.phone.clone(),
        email: sheet.email.clone(),
        time_zone: sheet.time_zone.clone(),
        slot_minutes,
        buffer_minutes,
        notice_minutes,
        horizon_days,
        opens_on_holidays: false,
        release: release::ReleaseRule::default(),
        facts: PublicFacts {
            public_hours: sheet.public_hours.clone(),
            accessibility: sheet.accessibility.clone(),
            languages: sheet.languages.clone(),
        },
        closed_at: None,
    };
    super::add_unit(tx, &unit, actor, now).await?;
    note(
        tx,
        &unit.id,
        (0, None),
        UnitAct::Create,
        (sheet, sheet),
        actor,
        now,
    )
    .await?;
    Ok(unit.id)
}

/// Gives a unit another sheet; gives whether it did, which it does not where somebody
/// changed the unit since version `version`. The caller has seen to the people who are
/// expected there, if its clock changes.
///
/// # Errors
/// When the database fails.
pub async fn edit(
    tx: &mut Tx,
    unit: &Unit,
    (version, undoes): (i64, Option<i64>),
    sheet: &Sheet,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    audit::lock(tx, unit.id.as_str()).await?;
    let former = Sheet::of(unit);
    let sheets = (&former, sheet);
    if !note(
        tx,
        &unit.id,
        (version, undoes),
        UnitAct::Edit,
        sheets,
        actor,
        now,
    )
    .await?
    {
        return Ok(false);
    }
    store::update_sheet(tx, &unit.id, sheet).await?;
    let fields = former.differences(sheet);
    let fields: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
    let detail = format!("version={} fields={}", version + 1, fields.join(","));
    let (chain, object) = (unit.id.as_str(), format!("unit/{}", unit.id));
    audit::append(tx, chain, now, actor, "unit.edit", &object, &detail).await?;
    Ok(true)
}

/// Closes a unit with all its desks; gives whether it was open. The caller holds the lock
/// of the unit's journal, and nobody is expected there.
///
/// # Errors
/// When the database fails.
pub async fn close(
    tx: &mut Tx,
    unit: &Unit,
    desks: &[Desk],
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    if !store::mark_unit_closed(tx, &unit.id, now).await? {
        return Ok(false);
    }
    for desk in desks {
        super::close_desk(tx, desk, actor, now).await?;
    }
    note_state(tx, unit, UnitAct::Close, desks.len(), actor, now).await
}

/// The desks that were closed together with a unit.
///
/// # Errors
/// When the database fails.
pub async fn list_desks_closed_with(tx: &mut Tx, unit: &Unit) -> Result<Vec<Desk>, Fault> {
    match unit.closed_at {
        Some(at) => store::list_desks_closed_at(tx, &unit.id, at).await,
        None => Ok(Vec::new()),
    }
}

/// Opens a closed unit again, with the desks that were closed together with it; gives
/// whether it was closed. The caller holds the lock of the unit's journal.
///
/// # Errors
/// When the database fails.
pub async fn reopen(
    tx: &mut Tx,
    unit: &Unit,
    desks: &[Desk],
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    if !store::mark_unit_reopened(tx, &unit.id).await? {
        return Ok(false);
    }
    for desk in desks {
        if store::mark_desk_reopened(tx, &desk.id).await? {
            let (chain, object) = (unit.id.as_str(), format!("desk/{}", desk.id));
            audit::append(tx, chain, now, actor, "desk.reopen", &object, "").await?;
        }
    }
    note_state(tx, unit, UnitAct::Reopen, desks.len(), actor, now).await
}

async fn note_state(
    tx: &mut Tx,
    unit: &Unit,
    act: UnitAct,
    desks: usize,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let last = store::list_unit_changes(tx, &unit.id, 1).await?;
    let version = last.first().map_or(0, |change| change.version);
    let sheet = Sheet::of(unit);
    let sheets = (&sheet, &sheet);
    if !note(tx, &unit.id, (version, None), act, sheets, actor, now).await? {
        return Err(Fault::other(format!(
            "unit {} changed under its lock",
            unit.id
        )));
    }
    let (chain, object) = (unit.id.as_str(), format!("unit/{}", unit.id));
    let detail = format!("version={} desks={desks}", version + 1);
    audit::append(
        tx,
        chain,
        now,
        actor,
        &format!("unit.{act}"),
        &object,
        &detail,
    )
    .await?;
    Ok(true)
}
