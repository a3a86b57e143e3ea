//! The rules of a unit's slots as an administrator sets them, checked. Pure. The
//! bounds are those of the table `units`.

/// Rules known to be sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRules {
    /// Length of a hearing, in minutes.
    pub slot_minutes: i64,
    /// Pause after each, in minutes.
    pub buffer_minutes: i64,
    /// Shortest notice for booking, moving or calling off, in minutes.
    pub notice_minutes: i64,
    /// How many days ahead slots are offered.
    pub horizon_days: i64,
    /// Whether desks open on public holidays as on other days.
    pub opens_on_holidays: bool,
}

/// A rule that cannot be as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Not 5 to 240 minutes in steps of five.
    #[error("not a length of slots")]
    Slot,
    /// Not 0 to 120 minutes in steps of five.
    #[error("not a pause")]
    Buffer,
    /// Not 0 to 14 days, in minutes.
    #[error("not a notice")]
    Notice,
    /// Not 1 to 366 days.
    #[error("not a horizon")]
    Horizon,
}

/// Rules as a person typed them.
#[derive(Clone, Copy, Debug)]
pub struct AskedRules<'a> {
    /// Minutes.
    pub slot: &'a str,
    /// Minutes.
    pub buffer: &'a str,
    /// Minutes.
    pub notice: &'a str,
    /// Days.
    pub horizon: &'a str,
    /// Whether the box was ticked.
    pub opens_on_holidays: bool,
}

impl UnitRules {
    /// Checks rules.
    ///
    /// # Errors
    /// Everything that is wrong, so that the form can show it all at once.
    pub fn check(asked: AskedRules<'_>) -> Result<Self, Vec<RulesError>> {
        let mut errors = Vec::new();
        let mut read = |text: &str, (least, most, step): (i64, i64, i64), error| {
            let number = text.trim().parse::<i64>().ok();
            let sound = number.filter(|it| (least..=most).contains(it) && it % step == 0);
            if sound.is_none() {
                errors.push(error);
            }
            sound.unwrap_or_default()
        };
        let rules = UnitRules {
            slot_minutes: read(asked.slot, (5, 240, 5), RulesError::Slot),
            buffer_minutes: read(asked.buffer, (0, 120, 5), RulesError::Buffer),
            notice_minutes: read(asked.notice, (0, 14 * 1440, 1), RulesError::Notice),
            horizon_days: read(asked.horizon, (1, 366, 1), RulesError::Horizon),
            opens_on_holidays: asked.opens_on_holidays,
        };
        if errors.is_empty() {
            Ok(rules)
        } else {
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_taken_within_their_bounds_and_told_all_at_once_beyond() {
        use RulesError::{Buffer, Horizon, Notice, Slot};
        for (slot, buffer, notice, horizon, expected) in [
            ("30", "0", "120", "31", vec![]),
            (" 45 ", "5", "0", "366", vec![]),
            ("5", "120", "20160", "1", vec![]),
            ("0", "0", "0", "1", vec![Slot]),
            ("32", "3", "0", "1", vec![Slot, Buffer]),
            (
                "245",
                "125",
                "20161",
                "367",
                vec![Slot, Buffer, Notice, Horizon],
            ),
            ("-5", "-5", "-1", "0", vec![Slot, Buffer, Notice, Horizon]),
            (
                "",
                "x",
                "1.5",
                "99999999999999999999",
                vec![Slot, Buffer, Notice, Horizon],
            ),
        ] {
            let asked = AskedRules {
                slot,
                buffer,
                notice,
                horizon,
                opens_on_holidays: true,
            };
            let errors = UnitRules::check(asked).err().unwrap_or_default();
            assert_eq!(errors, expected, "{slot} {buffer} {notice} {horizon}");
        }
    }
}
