//! The hearings' SQL.

use super::{Hearing, Place, RoomState, Seat, SeatRole};
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::{execute, fetch_all, fetch_optional};

/// Reads a hearing.
///
/// # Errors
/// When the database fails.
pub async fn find_hearing(tx: &mut Tx, appointment_id: &Id) -> Result<Option<Hearing>, Fault> {
    fetch_optional!(
        tx,
        Hearing,
        "select appointment_id, room, version, state, opened_at, ended_at from hearings where appointment_id = $1",
        appointment_id
    )
}

/// The appointment a room belongs to.
///
/// # Errors
/// When the database fails.
pub async fn find_appointment_of_room(tx: &mut Tx, room: &str) -> Result<Option<Id>, Fault> {
    let row = fetch_optional!(
        tx,
        (Id,),
        "select appointment_id from hearings where room = $1",
        room
    )?;
    Ok(row.map(|(id,)| id))
}

/// Makes the room if it is not there yet; either way its document has a new version.
///
/// # Errors
/// When the database fails.
pub async fn raise_version(
    tx: &mut Tx,
    appointment_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into hearings (appointment_id, room, version, state, opened_at, opened_by)
         values ($1, $2, 1, 'open', $3, $4)
         on conflict (appointment_id) do update set version = hearings.version + 1",
        appointment_id,
        Id::random(),
        now,
        actor.to_string()
    )?;
    Ok(())
}

/// Changes the room's state once; gives whether it changed.
///
/// # Errors
/// When the database fails.
pub async fn mark_ended(
    tx: &mut Tx,
    appointment_id: &Id,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update hearings set state = $4, ended_at = $2, ended_by = $3, version = version + 1
         where appointment_id = $1 and state <> 'ended'",
        appointment_id,
        now,
        actor.to_string(),
        RoomState::Ended
    )?;
    Ok(rows == 1)
}

/// The seats of an appointment, in the order they were taken.
///
/// # Errors
/// When the database fails.
pub async fn list_seats(tx: &mut Tx, appointment_id: &Id) -> Result<Vec<Seat>, Fault> {
    fetch_all!(
        tx,
        Seat,
        "select id, appointment_id, role, person, browser_hash, generation, place, taken_at, moved_at,
                connected_at, disconnected_at
         from seats where appointment_id = $1 order by taken_at, id",
        appointment_id
    )
}

/// The seat a browser holds in an appointment, unless the session it was taken
/// with was ended since, or the guest's invitation taken back. Officers' seats are
/// bound to their session and are never found this way.
///
/// # Errors
/// When the database fails.
pub async fn find_seat_of_browser(
    tx: &mut Tx,
    appointment_id: &Id,
    browser_hash: &str,
) -> Result<Option<Seat>, Fault> {
    fetch_optional!(
        tx,
        Seat,
        "select id, appointment_id, role, person, browser_hash, generation, place, taken_at, moved_at,
                connected_at, disconnected_at
         from seats where appointment_id = $1 and browser_hash = $2 and role <> 'officer'
           and not exists (select 1 from sessions s where s.id = seats.session_id and s.ended_at is not null)
           and (role = 'citizen' or place <> 'left')
           and not exists (select 1 from guests g where seats.person = 'guest/' || g.id and g.revoked_at is not null)",
        appointment_id,
        browser_hash
    )
}

/// Whether this browser held a guest's seat there, which it does no longer.
///
/// # Errors
/// When the database fails.
pub async fn was_guest_of(
    tx: &mut Tx,
    appointment_id: &Id,
    browser_hash: &str,
) -> Result<bool, Fault> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "select count(*) from seats
         where appointment_id = $1 and browser_hash = $2 and role not in ('citizen', 'officer')",
        appointment_id,
        browser_hash
    )?;
    Ok(row.is_some_and(|(seats,)| seats > 0))
}

/// Takes a seat, or moves it to this browser, raising its generation; a browser
/// that already holds it changes nothing but the session that answers for it.
/// Gives the seat as it now is.
///
/// # Errors
/// When the database fails.
#[allow(clippy::too_many_arguments)]
pub async fn take_seat(
    tx: &mut Tx,
    appointment_id: &Id,
    role: SeatRole,
    person: &str,
    browser_hash: &str,
    session: &str,
    place: Place,
    now: Timestamp,
) -> Result<Seat, Fault> {
    let taken = fetch_optional!(
        tx,
        Seat,
        "insert into seats (id, appointment_id, role, person, browser_hash, generation, place, taken_at, session_id)
         values ($1, $2, $3, $4, $5, 1, $6, $7, $8)
         on conflict (appointment_id, role, person) do update set
             generation = case when seats.browser_hash = excluded.browser_hash
                 then seats.generation else seats.generation + 1 end,
             moved_at = case when seats.browser_hash = excluded.browser_hash
                 then seats.moved_at else excluded.taken_at end,
             place = case when seats.place = 'left' then excluded.place else seats.place end,
             browser_hash = excluded.browser_hash,
             session_id = excluded.session_id
         returning id, appointment_id, role, person, browser_hash, generation, place, taken_at, moved_at,
             connected_at, disconnected_at",
        Id::random(),
        appointment_id,
        role,
        person,
        browser_hash,
        place,
        now,
        session
    )?;
    taken.ok_or_else(|| Fault::other("taking a seat returned no row"))
}

/// Moves a seat from one place to another; false when it was not there.
///
/// # Errors
/// When the database fails.
pub async fn move_seat(
    tx: &mut Tx,
    appointment_id: &Id,
    seat_id: &Id,
    from: Place,
    to: Place,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update seats set place = $4 where id = $1 and appointment_id = $2 and place = $3",
        seat_id,
        appointment_id,
        from,
        to
    )?;
    Ok(rows == 1)
}

/// A seat whose session was ended while the hearing goes on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Orphan {
    /// The appointment.
    pub appointment_id: Id,
    /// The seat.
    pub seat_id: Id,
    /// The session that was ended.
    pub session_id: String,
}

/// The seats in hearings of appointments that end after `since` which no session
/// answers for any more.
///
/// # Errors
/// When the database fails.
pub async fn list_orphans(tx: &mut Tx, since: Timestamp) -> Result<Vec<Orphan>, Fault> {
    fetch_all!(
        tx,
        Orphan,
        "select s.appointment_id, s.id as seat_id, s.session_id
         from appointments a
         join hearings h on h.appointment_id = a.id
         join seats s on s.appointment_id = a.id
         join sessions e on e.id = s.session_id
         where a.ends_at > $1 and h.state <> 'ended' and s.place <> 'left' and e.ended_at is not null
         order by s.appointment_id, s.id",
        since
    )
}

/// Takes a seat from a session that was ended, and the worth from the join
/// tokens bought with it; false when somebody sat down there meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn give_up_seat(tx: &mut Tx, orphan: &Orphan) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update seats set place = 'left', generation = generation + 1
         where id = $1 and session_id = $2 and place <> 'left'",
        &orphan.seat_id,
        &orphan.session_id
    )?;
    Ok(rows == 1)
}

/// Takes a seat from whoever sits there, wherever it is, and the worth from the join
/// tokens bought with it; false when it was given up before.
///
/// # Errors
/// When the database fails.
pub async fn take_away(tx: &mut Tx, seat_id: &Id) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "update seats set place = 'left', generation = generation + 1
         where id = $1 and place <> 'left'",
        seat_id
    )?;
    Ok(rows == 1)
}

/// Notes what the media node says of a seat's connection.
///
/// # Errors
/// When the database fails.
pub async fn mark_presence(
    tx: &mut Tx,
    seat_id: &Id,
    connected: bool,
    at: Timestamp,
) -> Result<(), Fault> {
    if connected {
        execute!(
            tx,
            "update seats set connected_at = $2 where id = $1",
            seat_id,
            at
        )?;
    } else {
        execute!(
            tx,
            "update seats set disconnected_at = $2 where id = $1",
            seat_id,
            at
        )?;
    }
    Ok(())
}

/// A fact of a hearing, with its time.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Event {
    /// What.
    pub kind: String,
    /// Whose, if about a seat.
    pub role: Option<SeatRole>,
    /// When it was, or began.
    pub at: Timestamp,
    /// When it ended, for what lasts.
    pub until_at: Option<Timestamp>,
}

/// Writes a fact.
///
/// # Errors
/// When the database fails.
pub async fn insert_event(
    tx: &mut Tx,
    appointment_id: &Id,
    seat_id: Option<&Id>,
    kind: &str,
    at: Timestamp,
    until_at: Option<Timestamp>,
    actor: &Actor,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into hearing_events (id, appointment_id, seat_id, kind, at, until_at, actor)
         values ($1, $2, $3, $4, $5, $6, $7)",
        Id::random(),
        appointment_id,
        seat_id,
        kind,
        at,
        until_at,
        actor.to_string()
    )?;
    Ok(())
}

/// Writes a fact that a media node told, unless it is written already; gives
/// whether this did it.
///
/// # Errors
/// When the database fails.
pub async fn insert_fact(
    tx: &mut Tx,
    id: &Id,
    appointment_id: &Id,
    seat_id: Option<&Id>,
    kind: &str,
    at: Timestamp,
    until_at: Option<Timestamp>,
) -> Result<bool, Fault> {
    let rows = execute!(
        tx,
        "insert into hearing_events (id, appointment_id, seat_id, kind, at, until_at, actor)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
        id,
        appointment_id,
        seat_id,
        kind,
        at,
        until_at,
        Actor::System.to_string()
    )?;
    Ok(rows == 1)
}

/// The facts of a hearing, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_events(tx: &mut Tx, appointment_id: &Id) -> Result<Vec<Event>, Fault> {
    fetch_all!(
        tx,
        Event,
        "select e.kind, s.role, e.at, e.until_at from hearing_events e left join seats s on s.id = e.seat_id
         where e.appointment_id = $1 order by e.at, e.id",
        appointment_id
    )
}

/// Something the officer established.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NotedCheck {
    /// Key in the check list.
    pub item: String,
    /// What came out.
    pub result: String,
    /// When.
    pub noted_at: Timestamp,
}

/// Notes a check; the first time counts, a later result replaces the former.
///
/// # Errors
/// When the database fails.
pub async fn note_check(
    tx: &mut Tx,
    appointment_id: &Id,
    item: &str,
    result: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into hearing_checks (appointment_id, item, result, noted_at, noted_by)
         values ($1, $2, $3, $4, $5)
         on conflict (appointment_id, item) do update set result = excluded.result,
             noted_at = excluded.noted_at, noted_by = excluded.noted_by",
        appointment_id,
        item,
        result,
        now,
        actor.to_string()
    )?;
    Ok(())
}

/// The checks noted so far.
///
/// # Errors
/// When the database fails.
pub async fn list_checks(tx: &mut Tx, appointment_id: &Id) -> Result<Vec<NotedCheck>, Fault> {
    fetch_all!(
        tx,
        NotedCheck,
        "select item, result, noted_at from hearing_checks where appointment_id = $1 order by noted_at, item",
        appointment_id
    )
}
