//! Where an appointment stands at this very minute, for a badge. Pure.

use crate::booking::{Appointment, State};
use crate::page::Ctx;

/// Where an appointment stands at this very minute, for a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Later today or another day.
    Expected,
    /// The slot has begun and nobody opened the room.
    Due,
    /// The person had not come some minutes after the start.
    Late,
    /// The room is open.
    Open,
    /// The person is heard.
    InHearing,
    /// Over.
    Closed,
    /// Called off by either side.
    Cancelled,
    /// The person did not come.
    NoShow,
    /// Goes on elsewhere.
    Elsewhere,
}

impl Standing {
    pub(super) fn of(appointment: &Appointment, ctx: &Ctx) -> Self {
        match appointment.state {
            State::Booked | State::Open if appointment.late_at.is_some() => Standing::Late,
            State::Held | State::Booked if appointment.starts_at <= ctx.now => Standing::Due,
            State::Held | State::Booked => Standing::Expected,
            State::Open => Standing::Open,
            State::InHearing => Standing::InHearing,
            State::Closed => Standing::Closed,
            State::CancelledByCitizen | State::CancelledByUnit | State::Expired => {
                Standing::Cancelled
            }
            State::NoShow => Standing::NoShow,
            State::Transferred | State::ConvertedInPerson => Standing::Elsewhere,
        }
    }

    /// Message of the badge.
    pub(super) fn words(self) -> &'static str {
        match self {
            Standing::Expected => "agenda-standing-expected",
            Standing::Due => "agenda-standing-due",
            Standing::Late => "agenda-standing-late",
            Standing::Open => "agenda-standing-open",
            Standing::InHearing => "agenda-standing-in-hearing",
            Standing::Closed => "agenda-standing-closed",
            Standing::Cancelled => "agenda-standing-cancelled",
            Standing::NoShow => "agenda-standing-no-show",
            Standing::Elsewhere => "agenda-standing-elsewhere",
        }
    }

    /// Colour of the badge; the words say it too.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Standing::Expected | Standing::Closed | Standing::Elsewhere => "",
            Standing::Due | Standing::Late | Standing::NoShow => "warning",
            Standing::Open => "info",
            Standing::InHearing => "success",
            Standing::Cancelled => "error",
        }
    }

    /// Whether its hearing can be opened or gone back to.
    pub(super) fn can_open(self) -> bool {
        matches!(
            self,
            Standing::Expected
                | Standing::Due
                | Standing::Late
                | Standing::Open
                | Standing::InHearing
        )
    }

    /// Whether it takes the time it stands at: what was called off or goes on
    /// elsewhere does not.
    pub(super) fn takes_time(self) -> bool {
        self.can_open() || self == Standing::Closed
    }
}
