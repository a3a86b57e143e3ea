//! How a call went, kept in numbers: measures are gathered minute by minute
//! while it lasts, and become one row for each role when it is over.

use std::collections::BTreeMap;

use signaling::protocol::Quality;

use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;
use crate::execute;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Minutes of calls that no record was made of are forgotten after this.
const FORGET_MINUTES: i64 = 24 * 60;

/// The measures of one seat in one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    minute: i64,
    samples: i64,
    rtt_samples: i64,
    rtt_ms_sum: i64,
    rtt_ms_max: i64,
    loss_up_sum: i64,
    loss_down_sum: i64,
    bits_up_sum: i64,
    bits_down_sum: i64,
}

impl Minute {
    fn add(&mut self, quality: &Quality) {
        self.samples += 1;
        if let Some(rtt_ms) = quality.rtt_ms.map(i64::from) {
            self.rtt_samples += 1;
            self.rtt_ms_sum += rtt_ms;
            self.rtt_ms_max = self.rtt_ms_max.max(rtt_ms);
        }
        // A share that is none becomes zero.
        let ten_thousandths = |share: f32| (share.clamp(0.0, 1.0) * 10_000.0).round() as i64;
        self.loss_up_sum += ten_thousandths(quality.loss_up);
        self.loss_down_sum += ten_thousandths(quality.loss_down);
        self.bits_up_sum += i64::from(quality.bitrate_up);
        self.bits_down_sum += i64::from(quality.bitrate_down);
    }
}

/// The present minute of every seat that a node measures.
#[derive(Debug, Default)]
pub struct Minutes(BTreeMap<(String, Id), Minute>);

/// A minute to write down: of which room and seat.
pub type Whole = (String, Id, Minute);

impl Minutes {
    /// Takes a measure; gives the former minute, if that is over.
    pub fn add(&mut self, room: &str, seat: &Id, at_ms: i64, quality: &Quality) -> Option<Whole> {
        let minute = at_ms.div_euclid(MINUTE_MS);
        let key = (room.to_owned(), seat.clone());
        let over = match self.0.get(&key) {
            Some(present) if present.minute != minute => self.0.remove(&key),
            _ => None,
        };
        let present = self.0.entry(key).or_insert_with(|| Minute {
            minute,
            ..Minute::default()
        });
        present.add(quality);
        over.map(|over| (room.to_owned(), seat.clone(), over))
    }

    /// The present minute of a seat that is left. It is kept, since whoever left
    /// may come back within it.
    #[must_use]
    pub fn so_far(&self, room: &str, seat: &Id) -> Option<Whole> {
        let present = self.0.get(&(room.to_owned(), seat.clone()))?;
        Some((room.to_owned(), seat.clone(), present.clone()))
    }

    /// A room is empty.
    pub fn forget(&mut self, room: &str) {
        self.0.retain(|(held, _), _| held != room);
    }
}

/// Writes a minute down, or what more is known of it.
///
/// # Errors
/// When the database fails.
pub async fn write_minute(tx: &mut Tx, (room, seat, of): &Whole) -> Result<(), Fault> {
    execute!(
        tx,
        "insert into hearing_quality_minutes (room, seat_id, role, minute, samples, rtt_samples,
             rtt_ms_sum, rtt_ms_max, loss_up_sum, loss_down_sum, bits_up_sum, bits_down_sum)
         select cast($1 as text), s.id, s.role, cast($3 as bigint), cast($4 as bigint),
             cast($5 as bigint), cast($6 as bigint), cast($7 as bigint), cast($8 as bigint),
             cast($9 as bigint), cast($10 as bigint), cast($11 as bigint)
         from seats s where s.id = $2
         on conflict (room, seat_id, minute) do update set samples = excluded.samples,
             rtt_samples = excluded.rtt_samples, rtt_ms_sum = excluded.rtt_ms_sum,
             rtt_ms_max = excluded.rtt_ms_max, loss_up_sum = excluded.loss_up_sum,
             loss_down_sum = excluded.loss_down_sum, bits_up_sum = excluded.bits_up_sum,
             bits_down_sum = excluded.bits_down_sum
         where excluded.samples > hearing_quality_minutes.samples",
        room,
        seat,
        of.minute,
        of.samples,
        of.rtt_samples,
        of.rtt_ms_sum,
        of.rtt_ms_max,
        of.loss_up_sum,
        of.loss_down_sum,
        of.bits_up_sum,
        of.bits_down_sum
    )?;
    Ok(())
}

/// Makes the record of a call that is over; a second one changes nothing.
/// Gives how many roles it is about.
///
/// # Errors
/// When the database fails.
pub async fn record(
    tx: &mut Tx,
    appointment_id: &Id,
    room: &str,
    now: Timestamp,
) -> Result<u64, Fault> {
    let rows = execute!(
        tx,
        "insert into hearing_quality (room, role, ended_day, connected_seconds, rtt_ms, rtt_ms_max,
             loss_up, loss_down, bits_up, bits_down, interruptions, interrupted_ms, reconnections, moves)
         select q.room, q.role, cast($2 as bigint), 5 * sum(q.samples),
             sum(q.rtt_ms_sum) / nullif(sum(q.rtt_samples), 0), max(q.rtt_ms_max),
             sum(q.loss_up_sum) / sum(q.samples), sum(q.loss_down_sum) / sum(q.samples),
             sum(q.bits_up_sum) / sum(q.samples), sum(q.bits_down_sum) / sum(q.samples),
             (select count(*) from hearing_events e join seats s on s.id = e.seat_id
              where e.appointment_id = $3 and s.role = q.role and e.kind like 'incident_%'),
             (select coalesce(sum(e.until_at - e.at), 0) from hearing_events e join seats s on s.id = e.seat_id
              where e.appointment_id = $3 and s.role = q.role and e.kind like 'incident_%'),
             (select count(*) - count(distinct e.seat_id) from hearing_events e join seats s on s.id = e.seat_id
              where e.appointment_id = $3 and s.role = q.role and e.kind = 'joined'),
             (select count(*) from hearing_events e where e.appointment_id = $3 and e.kind = 'media_moved')
         from hearing_quality_minutes q where q.room = $1
         group by q.room, q.role
         on conflict (room, role) do nothing",
        room,
        now.0.div_euclid(DAY_MS),
        appointment_id
    )?;
    let oldest = now.0.div_euclid(MINUTE_MS) - FORGET_MINUTES;
    execute!(
        tx,
        "delete from hearing_quality_minutes where room = $1 or minute < $2",
        room,
        oldest
    )?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(rtt_ms: Option<u32>, loss_up: f32) -> Quality {
        Quality {
            rtt_ms,
            loss_up,
            loss_down: 0.5,
            bitrate_up: 1000,
            bitrate_down: 2000,
        }
    }

    #[test]
    fn a_minute_is_given_once_it_is_over_and_may_be_given_before() {
        let (mut minutes, seat) = (Minutes::default(), Id::from("s1"));
        assert_eq!(
            minutes.add("r", &seat, 60_000, &quality(Some(40), 0.01)),
            None
        );
        assert_eq!(minutes.add("r", &seat, 119_999, &quality(None, 0.03)), None);
        let expected = Minute {
            minute: 1,
            samples: 2,
            rtt_samples: 1,
            rtt_ms_sum: 40,
            rtt_ms_max: 40,
            loss_up_sum: 400,
            loss_down_sum: 10_000,
            bits_up_sum: 2000,
            bits_down_sum: 4000,
        };
        let whole = ("r".to_owned(), seat.clone(), expected);
        assert_eq!(minutes.so_far("r", &seat).as_ref(), Some(&whole));
        let over = minutes.add("r", &seat, 120_000, &quality(None, f32::NAN));
        assert_eq!(over, Some(whole));
        minutes.forget("r");
        assert_eq!(minutes.so_far("r", &seat), None);
    }
}
