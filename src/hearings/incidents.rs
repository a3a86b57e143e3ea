//! Which of the node's measures are incidents of the hearing. What happened
//! before the person was let in disturbed nobody, so it is left out; one under
//! way at that moment counts from there.

use super::SeatRole;
use super::store::Event;
use crate::clock::Timestamp;

/// Something that disturbed the transmission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// `incident_audio`, `incident_video` or `incident_signaling`.
    pub kind: String,
    /// Whose side it was, when a seat is known.
    pub role: Option<SeatRole>,
    /// Start.
    pub from: Timestamp,
    /// End; none while it lasts.
    pub until: Option<Timestamp>,
}

/// The incidents among a hearing's facts, in order.
#[must_use]
pub fn incidents(events: &[Event]) -> Vec<Incident> {
    let Some(admitted) = events.iter().find(|event| event.kind == "admitted") else {
        return Vec::new();
    };
    events
        .iter()
        .filter(|event| event.kind.starts_with("incident_"))
        .filter(|event| event.until_at.is_none_or(|until| until > admitted.at))
        .map(|event| Incident {
            kind: event.kind.clone(),
            role: event.role,
            from: event.at.max(admitted.at),
            until: event.until_at,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, at: i64, until: Option<i64>) -> Event {
        Event {
            kind: kind.into(),
            role: Some(SeatRole::Citizen),
            at: Timestamp(at),
            until_at: until.map(Timestamp),
        }
    }

    #[test]
    fn only_what_disturbed_the_hearing_counts() {
        let before = event("incident_video", 10, Some(20));
        let across = event("incident_audio", 80, Some(120));
        let during = event("incident_video", 150, Some(160));
        let open = event("incident_signaling", 170, None);
        assert!(incidents(&[before.clone(), during.clone()]).is_empty());
        let events = [before, across, event("admitted", 100, None), during, open];
        let found: Vec<_> = incidents(&events)
            .into_iter()
            .map(|incident| {
                (
                    incident.kind,
                    incident.from.0,
                    incident.until.map(|at| at.0),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("incident_audio".to_owned(), 100, Some(120)),
                ("incident_video".to_owned(), 150, Some(160)),
                ("incident_signaling".to_owned(), 170, None),
            ]
        );
    }
}
