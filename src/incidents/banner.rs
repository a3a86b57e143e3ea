//! Puts the messages that stand where the layouts find them. A page is not refused because
//! the line above it cannot be had.

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;

use super::{Audience, Incident, store};
use crate::app::App;
use crate::error::Fault;
use crate::identity::Who;
use crate::page::Ctx;

/// Middleware, inside `page::prepare`.
pub async fn announce(Shared(app): Shared<App>, mut request: Request, next: Next) -> Response {
    if let Some(ctx) = request.extensions().get::<Ctx>() {
        match found(&app, ctx).await {
            Ok(incidents) if incidents.is_empty() => {}
            Ok(incidents) => {
                if let Some(ctx) = request.extensions_mut().get_mut::<Ctx>() {
                    ctx.incidents = incidents;
                }
            }
            Err(fault) => tracing::error!(%fault, "incidents could not be read: {fault}"),
        }
    }
    next.run(request).await
}

/// The messages for whoever asks, in their language.
async fn found(app: &App, ctx: &Ctx) -> Result<Vec<String>, Fault> {
    let standing = app.notices.standing(&app.db, ctx.now).await?;
    if standing.is_empty() {
        return Ok(Vec::new());
    }
    let departments = match &ctx.who {
        Who::Nobody => Vec::new(),
        Who::Officer(officer) => vec![officer.department.clone()],
        Who::Citizen(citizen) => {
            let mut tx = app.db.read().await?;
            let found = store::list_departments_of(&mut tx, &citizen.id).await?;
            found.into_iter().map(|(code,)| code).collect()
        }
    };
    let officer = ctx.is_officer();
    let theirs = standing
        .iter()
        .filter(|incident| concerns(incident, officer, &departments));
    Ok(theirs
        .map(|incident| incident.words(ctx.lang).to_owned())
        .collect())
}

/// Whether a message is for an officer or a citizen of some departments. Who is not
/// signed in reads what is told the whole country.
fn concerns(incident: &Incident, officer: bool, departments: &[String]) -> bool {
    let audience = match incident.audience {
        Audience::Everybody => true,
        Audience::Citizens => !officer,
        Audience::Officers => officer,
    };
    let place = incident
        .department
        .as_ref()
        .is_none_or(|code| departments.contains(code));
    audience && place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_message_is_read_by_those_it_concerns_and_by_nobody_else() {
        type Case<'a> = (Option<&'a str>, Audience, bool, &'a [&'a str], bool);
        let cases: [Case<'_>; 10] = [
            (None, Audience::Everybody, false, &[], true),
            (None, Audience::Everybody, true, &["78"], true),
            (None, Audience::Citizens, true, &["78"], false),
            (None, Audience::Officers, false, &[], false),
            (None, Audience::Officers, true, &["974"], true),
            (Some("78"), Audience::Everybody, false, &[], false),
            (Some("78"), Audience::Everybody, false, &["78", "974"], true),
            (Some("78"), Audience::Everybody, false, &["974"], false),
            (Some("78"), Audience::Citizens, true, &["78"], false),
            (Some("78"), Audience::Officers, true, &["78"], true),
        ];
        for (department, audience, officer, departments, expected) in cases {
            let incident = Incident {
                id: "i".into(),
                department: department.map(str::to_owned),
                audience,
                message_fr: String::new(),
                message_en: String::new(),
                begins_at: Timestamp(0),
                ends_at: Timestamp(1),
                created_at: Timestamp(0),
                created_by: "system".to_owned(),
                withdrawn_at: None,
                withdrawn_by: None,
            };
            let departments: Vec<String> = departments.iter().map(|&code| code.into()).collect();
            assert_eq!(
                concerns(&incident, officer, &departments),
                expected,
                "{department:?} {audience} officer={officer} {departments:?}"
            );
        }
    }
}
