//! The sandbox's supplier of mail and SMS: keeps what it accepts for the pages
//! of the [mailbox](super::mailbox), and fails on purpose for some recipients, so
//! that failures can be seen and tried without a real supplier.
//!
//! | number | address | what happens |
//! |---|---|---|
//! | `+33639980090` | `inconnu@simulateur.example` | nobody is there: refused for good |
//! | `+33639980091` | `indisponible@simulateur.example` | never works, and says that it might |
//! | `+33639980092` | `capricieux@simulateur.example` | works the third time |
//! | `+33639980093` | `refuse@simulateur.example` | the text is refused |

use crate::app::App;
use crate::db::Id;
use crate::error::Fault;
use crate::execute;
use crate::notifications::Reason;
use crate::notifications::suppliers::{Parcel, Refused};

const NAME: &str = "sandbox";

/// Takes a message, unless its recipient is one of those that fail.
///
/// # Errors
/// As its recipient wants it, or when the database fails.
pub async fn take(app: &App, parcel: Parcel<'_>) -> Result<&'static str, Refused> {
    let refused = |for_good, why: &str| Refused {
        for_good,
        supplier: NAME,
        why: why.to_owned(),
    };
    match parcel.address {
        "+33639980090" | "inconnu@simulateur.example" => {
            return Err(refused(Some(Reason::Recipient), "simulated: unknown"));
        }
        "+33639980091" | "indisponible@simulateur.example" => {
            return Err(refused(None, "simulated: not now"));
        }
        "+33639980092" | "capricieux@simulateur.example" if parcel.attempts < 3 => {
            return Err(refused(None, "simulated: not yet"));
        }
        "+33639980093" | "refuse@simulateur.example" => {
            return Err(refused(Some(Reason::Content), "simulated: refused"));
        }
        _ => {}
    }
    keep(app, parcel)
        .await
        .map_err(|fault| refused(None, &fault.to_string()))?;
    Ok(NAME)
}

async fn keep(app: &App, parcel: Parcel<'_>) -> Result<(), Fault> {
    let mut tx = app.db.begin().await?;
    execute!(
        &mut tx,
        "insert into sandbox_deliveries (id, message_id, channel, recipient, subject, body, calendar, accepted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        Id::random(),
        parcel.id,
        parcel.channel,
        parcel.address,
        &parcel.text.subject,
        &parcel.text.text,
        &parcel.text.calendar,
        app.clock.now()
    )?;
    tx.commit().await
}
