//! Who is who: citizens by FranceConnect, officers by ProConnect, sessions,
//! roles. It knows nothing of appointments or complaints.

pub mod browser_kind;
pub mod claims;
mod confirmation_pages;
pub mod empowerments;
pub mod http;
pub mod known;
pub mod level;
pub mod login;
pub mod notes;
pub mod own_sessions;
pub(crate) mod pages;
pub mod people;
pub mod provider;
pub mod refusals;
mod request_pages;
pub mod requests;
pub mod session;
mod session_pages;
mod store;
#[cfg(all(test, feature = "sandbox"))]
mod tests;
pub mod upkeep;
pub mod userinfo;

pub use provider::{Provider, ProviderName};
pub use refusals::LoginError;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::db::Id;
use crate::error::Fault;
use crate::text_enum;

text_enum! {
    /// Who vouches for an identity.
    Origin {
        /// FranceConnect, as *identité pivot*.
        FranceConnect = "franceconnect",
        /// Nobody: an officer wrote down what the person said of themselves, until they
        /// see an identity document at the hearing.
        Declared = "declared",
    }
}

impl Default for Origin {
    /// What was sealed before there was another.
    fn default() -> Self {
        Origin::FranceConnect
    }
}

/// *Identité pivot* of FranceConnect: what the State vouches for. Immutable here. Of a
/// person without FranceConnect, the same as they declared it, and [`Origin`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PivotIdentity {
    /// All given names, parted by spaces.
    pub given_name: String,
    /// Birth name, usually in capitals.
    pub family_name: String,
    /// `male`, `female` or `unspecified`.
    pub gender: String,
    /// `YYYY-MM-DD`; presumed dates carry 01 for what is unknown.
    pub birthdate: String,
    /// INSEE code of five characters; empty when born abroad. Declared: in words.
    pub birthplace: String,
    /// INSEE code `99xxx`; France is 99100. Declared: in words.
    pub birthcountry: String,
    /// Used name, when the provider gives one.
    #[serde(default)]
    pub preferred_username: String,
    /// E-mail address as the provider knows it, to pre-fill and never to trust.
    #[serde(default)]
    pub email: String,
    /// Who vouches for it.
    #[serde(default)]
    pub origin: Origin,
}

impl PivotIdentity {
    /// Whether the person said it of themselves, and nobody vouches for it.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.origin == Origin::Declared
    }

    /// Given names and the name the person goes by, for pages.
    #[must_use]
    pub fn display_name(&self) -> String {
        let family = if self.preferred_username.is_empty() {
            &self.family_name
        } else {
            &self.preferred_username
        };
        format!("{} {family}", self.given_name).trim().to_owned()
    }
}

/// What ProConnect tells of an officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerIdentity {
    /// Given name.
    pub given_name: String,
    /// Name in use (`usual_name`).
    pub usual_name: String,
    /// Professional address.
    pub email: String,
}

impl OfficerIdentity {
    /// Given name and name in use, for those who administer.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.usual_name)
            .trim()
            .to_owned()
    }
}

text_enum! {
    /// What an officer is empowered to do in a unit.
    Role {
        /// Holds hearings.
        Officer = "officer",
        /// Also opens desks and empowers officers of the unit.
        UnitAdmin = "unit_admin",
        /// The same for every unit of the department.
        DepartmentAdmin = "department_admin",
        /// Reads the journal, nothing else.
        Auditor = "auditor",
    }
}

/// A citizen with a live session.
#[derive(Clone, Debug)]
pub struct SignedInCitizen {
    /// Our own id of the person.
    pub id: Id,
    /// Key of the session (a hash, never the cookie).
    pub session: String,
    /// Level the provider vouched for (`eidas1`…), or [`session::BY_CODE`].
    pub acr: String,
    /// Identity as FranceConnect gave it, or as it was declared.
    pub identity: PivotIdentity,
}

/// An officer or administrator with a live session, bound to one empowerment.
#[derive(Clone, Debug)]
pub struct SignedInOfficer {
    /// Our own id of the officer.
    pub id: Id,
    /// Key of the session.
    pub session: String,
    /// The unit of the empowerment.
    pub unit_id: Id,
    /// Department of that unit.
    pub department: String,
    /// What the empowerment allows.
    pub role: Role,
    /// Administrative number, shown in place of the name.
    pub rio: String,
    /// Identity as ProConnect gave it.
    pub identity: OfficerIdentity,
}

impl SignedInOfficer {
    /// Whether this officer does a unit's work: reads its agenda, holds its
    /// hearings, has its documents. An auditor looks at that work and does none.
    #[must_use]
    pub fn serves(&self, unit_id: &Id) -> bool {
        self.role != Role::Auditor && self.unit_id == *unit_id
    }

    /// Whether this officer may open and close desks of a unit.
    #[must_use]
    pub fn may_administer(&self, unit_id: &Id, department: &str) -> bool {
        match self.role {
            Role::UnitAdmin => self.unit_id == *unit_id,
            Role::DepartmentAdmin => self.department == department,
            Role::Officer | Role::Auditor => false,
        }
    }

    /// Whether this person reads a unit's journal: an auditor does, for the units
    /// of the department they are empowered in. Who has work of their own in a
    /// unit does not look at what is written about it.
    #[must_use]
    pub fn may_audit(&self, department: &str) -> bool {
        self.role == Role::Auditor && self.department == department
    }
}

/// The person behind a request.
#[derive(Clone, Debug, Default)]
pub enum Who {
    /// Nobody signed in.
    #[default]
    Nobody,
    /// A citizen.
    Citizen(Box<SignedInCitizen>),
    /// An officer or administrator.
    Officer(Box<SignedInOfficer>),
}

/// The identity providers this service relies on.
#[derive(Debug)]
pub struct Providers {
    /// For citizens.
    pub franceconnect: Provider,
    /// For officers.
    pub proconnect: Provider,
}

impl Providers {
    /// Prepares them; nothing is asked of them before the first login.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(config: &Config) -> Result<Self, Fault> {
        Ok(Providers {
            franceconnect: Provider::new(ProviderName::FranceConnect, config)?,
            proconnect: Provider::new(ProviderName::ProConnect, config)?,
        })
    }

    /// The provider of that name.
    #[must_use]
    pub fn named(&self, name: ProviderName) -> &Provider {
        match name {
            ProviderName::FranceConnect => &self.franceconnect,
            ProviderName::ProConnect => &self.proconnect,
        }
    }
}

/// The slice's routes.
pub fn router() -> crate::routes::Routes {
    pages::router()
        .merge(confirmation_pages::router())
        .merge(request_pages::router())
        .merge(session_pages::router())
}

#[cfg(test)]
mod tests_of_rights {
    use super::*;

    #[test]
    fn each_role_may_do_what_it_is_for_and_in_its_own_place() {
        // Own unit, another of the department, another department: does its
        // work, opens its desks.
        for (role, serves, administers) in [
            (Role::Officer, [true, false, false], [false, false, false]),
            (Role::UnitAdmin, [true, false, false], [true, false, false]),
            (
                Role::DepartmentAdmin,
                [true, false, false],
                [true, true, false],
            ),
            (Role::Auditor, [false, false, false], [false, false, false]),
        ] {
            let officer = SignedInOfficer {
                id: "o".into(),
                session: "s".into(),
                unit_id: "u-78-police".into(),
                department: "78".into(),
                role,
                rio: "1234567".into(),
                identity: OfficerIdentity {
                    given_name: "Camille".into(),
                    usual_name: "Agent".into(),
                    email: "agent@exemple.example".into(),
                },
            };
            let places = [
                ("u-78-police", "78"),
                ("u-78-gendarmerie", "78"),
                ("u-974-police", "974"),
            ];
            for (index, (unit, department)) in places.into_iter().enumerate() {
                let unit = Id::from(unit);
                assert_eq!(officer.serves(&unit), serves[index], "{role} {unit}");
                assert_eq!(
                    officer.may_administer(&unit, department),
                    administers[index],
                    "{role} {unit}"
                );
            }
        }
    }
}
