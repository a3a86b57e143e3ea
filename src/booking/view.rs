//! Slots and appointments as templates show them: words, already in the
//! reader's language and the unit's zone. Pure.

use chrono::{Datelike, Days, NaiveDate};
use chrono_tz::Europe::Paris;

use super::meeting_link::OPENS_MINUTES_BEFORE;
use super::{Appointment, State, cancel_limit};
use crate::calendar::recurrence::day_of;
use crate::calendar::{Slot, Unit, wall};
use crate::clock::Timestamp;
use crate::page::Ctx;

/// A field and what is wrong with it, for the summary of errors.
pub(super) struct Field {
    pub(super) field: String,
    pub(super) text: String,
}

impl Field {
    /// What is wrong with one field; nothing where the text is empty.
    pub(super) fn only(field: &str, text: &str) -> Vec<Field> {
        if text.is_empty() {
            return Vec::new();
        }
        vec![Field {
            field: field.to_owned(),
            text: text.to_owned(),
        }]
    }
}

/// "10 h 00 – 10 h 30", on the unit's clock.
pub(super) fn span(appointment: &Appointment, unit: &Unit, ctx: &Ctx) -> String {
    let time = |at| wall::time(ctx.lang, at, unit.zone());
    ctx.t2(
        "agenda-time",
        "from",
        time(appointment.starts_at),
        "to",
        time(appointment.ends_at),
    )
}

/// "Mardi 3 mars 2026 à 10 h 00", on the unit's clock.
pub(super) fn moment(appointment: &Appointment, unit: &Unit, ctx: &Ctx) -> String {
    wall::capitalised(&wall::moment(ctx.lang, appointment.starts_at, unit.zone()))
}

/// One radio button.
pub(super) struct SlotView {
    /// What the form sends: the instant it starts.
    pub(super) value: String,
    /// "10 h 00".
    pub(super) label: String,
    /// The same instant in Paris, where the unit's clock shows another hour.
    pub(super) hint: String,
    /// "Mardi 3 mars à 10 h 00".
    pub(super) moment: String,
    /// For machines and for the script that knows the reader's zone.
    pub(super) instant: String,
}

impl SlotView {
    pub(super) fn new(slot: &Slot, unit: &Unit, ctx: &Ctx) -> Self {
        let zone = unit.zone();
        let date = day_of(slot.starts_at, zone);
        let time = wall::time(ctx.lang, slot.starts_at, zone);
        let day = wall::capitalised(&wall::short_day(ctx.lang, date));
        SlotView {
            value: slot.starts_at.0.to_string(),
            hint: paris_hint(slot.starts_at, unit, ctx),
            moment: ctx.t2("calendar-moment", "day", day, "time", &time),
            label: time,
            instant: slot.starts_at.utc().to_rfc3339(),
        }
    }

    /// A button that stands under no day's title says its day itself.
    pub(super) fn with_day(slot: &Slot, unit: &Unit, ctx: &Ctx) -> Self {
        let view = SlotView::new(slot, unit, ctx);
        SlotView {
            label: view.moment.clone(),
            ..view
        }
    }
}

/// What a page says once where the unit's hours are not those of Paris.
pub(super) fn zone_note(unit: &Unit, ctx: &Ctx) -> String {
    if unit.zone() == Paris {
        return String::new();
    }
    ctx.t1(
        "booking-zone-note",
        "zone",
        wall::zone_name(ctx.lang, unit.zone()),
    )
}

fn paris_hint(at: Timestamp, unit: &Unit, ctx: &Ctx) -> String {
    if unit.zone() == Paris {
        return String::new();
    }
    let time = wall::time(ctx.lang, at, Paris);
    let same_day = day_of(at, Paris) == day_of(at, unit.zone());
    if same_day {
        ctx.t1("booking-paris-time", "time", time)
    } else {
        let weekday = wall::weekday(ctx.lang, day_of(at, Paris).weekday());
        ctx.t2("booking-paris-day-time", "weekday", weekday, "time", time)
    }
}

/// The slots of one day.
pub(super) struct Day {
    pub(super) id: String,
    /// "Mardi 3 mars".
    pub(super) title: String,
    /// "12 créneaux libres".
    pub(super) count: String,
    /// Whether it is unfolded when the page arrives.
    pub(super) open: bool,
    pub(super) slots: Vec<SlotView>,
}

/// A week of slots, Monday to Sunday, with the way to its neighbours.
pub(super) struct Week {
    /// "Du 2 au 8 mars".
    pub(super) title: String,
    /// Its Monday, `YYYY-MM-DD`.
    pub(super) monday: String,
    pub(super) days: Vec<Day>,
    /// Mondays of the nearest weeks that have slots; empty where there is none.
    pub(super) previous: String,
    pub(super) next: String,
}

impl Week {
    /// The wanted week, or else the first that has a slot.
    pub(super) fn of(slots: &[Slot], unit: &Unit, wanted: Option<NaiveDate>, ctx: &Ctx) -> Self {
        let zone = unit.zone();
        let today = day_of(ctx.now, zone);
        let dated: Vec<(NaiveDate, &Slot)> = slots
            .iter()
            .map(|slot| (day_of(slot.starts_at, zone), slot))
            .collect();
        let first_free = dated.first().map_or(today, |(day, _)| *day);
        let monday = monday_of(wanted.unwrap_or(first_free));
        let sunday = monday.checked_add_days(Days::new(6)).unwrap_or(monday);
        let mut days: Vec<Day> = Vec::new();
        let mut last_date = None;
        for (date, slot) in dated
            .iter()
            .filter(|(date, _)| (monday..=sunday).contains(date))
        {
            if last_date != Some(*date) {
                last_date = Some(*date);
                days.push(Day {
                    id: format!("jour-{date}"),
                    title: wall::capitalised(&wall::short_day(ctx.lang, *date)),
                    count: String::new(),
                    open: days.is_empty(),
                    slots: Vec::new(),
                });
            }
            if let Some(day) = days.last_mut() {
                day.slots.push(SlotView::new(slot, unit, ctx));
            }
        }
        for day in &mut days {
            day.count = match day.slots.len() {
                1 => ctx.t("booking-one-slot"),
                count => ctx.t1("booking-many-slots", "count", count),
            };
        }
        let mondays = |date: Option<&(NaiveDate, &Slot)>| {
            date.map_or_else(String::new, |(date, _)| monday_of(*date).to_string())
        };
        Week {
            title: ctx.t2(
                "booking-week",
                "from",
                wall::short_day(ctx.lang, monday),
                "to",
                wall::short_day(ctx.lang, sunday),
            ),
            monday: monday.to_string(),
            previous: mondays(dated.iter().rev().find(|(date, _)| *date < monday)),
            next: mondays(dated.iter().find(|(date, _)| *date > sunday)),
            days,
        }
    }

    /// Identifier of the first radio button, or of the page's title.
    pub(super) fn first_field(&self) -> String {
        self.days
            .first()
            .and_then(|day| day.slots.first())
            .map_or_else(
                || "contenu".to_owned(),
                |slot| format!("creneau-{}", slot.value),
            )
    }
}

/// The Monday of a day's week.
#[must_use]
pub fn monday_of(date: NaiveDate) -> NaiveDate {
    let back = u64::from(date.weekday().num_days_from_monday());
    date.checked_sub_days(Days::new(back)).unwrap_or(date)
}

/// An appointment in words.
pub(super) struct AppointmentView {
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) state: State,
    pub(super) unit: Unit,
    /// "Mardi 3 mars 2026 à 10 h 00".
    pub(super) moment: String,
    /// For machines.
    pub(super) instant: String,
    /// "heure de La Réunion (13 h 00 à Paris)"; empty in Paris time.
    pub(super) zone_note: String,
    /// The unit's telephone, kept on one line.
    pub(super) phone: String,
    /// Length in minutes.
    pub(super) minutes: i64,
    /// "14 h 05", while held.
    pub(super) held_until: String,
    /// Milliseconds that are left of the hold; 0 without one.
    pub(super) held_for_ms: i64,
    /// What the form of slots sends to take this one: the instant it starts.
    pub(super) slot: String,
    /// "9 h 30": when the link opens.
    pub(super) opens: String,
    /// Whether the link is open.
    pub(super) is_open: bool,
    /// "mardi 3 mars 2026 à 10 h 00": last instant to call it off; empty once past.
    pub(super) cancel_until: String,
}

impl AppointmentView {
    pub(super) fn new(appointment: &Appointment, unit: &Unit, ctx: &Ctx) -> Self {
        let zone = unit.zone();
        let moment = |at: Timestamp| wall::moment(ctx.lang, at, zone);
        let opens = appointment.starts_at.plus_minutes(-OPENS_MINUTES_BEFORE);
        let limit = cancel_limit(appointment, unit);
        let hint = paris_hint(appointment.starts_at, unit, ctx);
        AppointmentView {
            id: appointment.id.to_string(),
            reference: appointment.reference.clone(),
            state: appointment.state,
            moment: wall::capitalised(&moment(appointment.starts_at)),
            instant: appointment.starts_at.utc().to_rfc3339(),
            zone_note: if hint.is_empty() {
                hint
            } else {
                let zone = wall::zone_name(ctx.lang, zone);
                ctx.t2("booking-zone-and-paris", "zone", zone, "paris", hint)
            },
            minutes: (appointment.ends_at.0 - appointment.starts_at.0) / 60_000,
            held_until: appointment
                .held_until
                .map_or_else(String::new, |until| wall::time(ctx.lang, until, zone)),
            held_for_ms: appointment
                .held_until
                .map_or(0, |until| (until.0 - ctx.now.0).max(0)),
            slot: appointment.starts_at.0.to_string(),
            opens: wall::time(ctx.lang, opens, zone),
            is_open: ctx.now >= opens,
            cancel_until: if appointment.state == State::Booked && ctx.now <= limit {
                moment(limit)
            } else {
                String::new()
            },
            phone: unit.phone.replace(' ', "\u{a0}"),
            unit: unit.clone(),
        }
    }

    /// Whether the person is still expected, or being heard.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self.state, State::Booked | State::Open | State::InHearing)
    }
}
