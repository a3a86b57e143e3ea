//! The people of the demonstration. All are invented; their shapes are the
//! awkward ones that the real providers send.

use crate::identity::Role;

/// A citizen with an account at the sandbox's FranceConnect.
#[derive(Clone, Copy, Debug)]
pub struct DemoCitizen {
    /// Key in forms; never shown to the service.
    pub key: &'static str,
    /// Message identifier of what is special about this person.
    pub note: &'static str,
    /// Given names, parted by spaces.
    pub given_name: &'static str,
    /// Birth name, in capitals.
    pub family_name: &'static str,
    /// `male`, `female` or `unspecified`.
    pub gender: &'static str,
    /// Date of birth.
    pub birthdate: Birthdate,
    /// INSEE code of the place of birth; `None`: the claim is not sent at all.
    pub birthplace: Option<&'static str>,
    /// INSEE code of the country of birth.
    pub birthcountry: &'static str,
    /// Used name, when there is one.
    pub preferred_username: Option<&'static str>,
    /// E-mail address.
    pub email: &'static str,
    /// Whether a helper with a mandate signs them in (Aidants Connect).
    pub helped: bool,
}

/// A date of birth.
#[derive(Clone, Copy, Debug)]
pub enum Birthdate {
    /// That day.
    Day(&'static str),
    /// On 15 June of the year that many years ago: somebody who never grows up.
    YearsAgo(i32),
}

/// An officer with an account at the sandbox's ProConnect.
#[derive(Clone, Copy, Debug)]
pub struct DemoOfficer {
    /// Key in forms, and part of the seeded ids.
    pub key: &'static str,
    /// Message identifier of what is special about this person.
    pub note: &'static str,
    /// Given name.
    pub given_name: &'static str,
    /// Name in use.
    pub usual_name: &'static str,
    /// Professional address.
    pub email: &'static str,
    /// Administrative number shown in place of the name.
    pub rio: &'static str,
    /// Units and roles that the seed gives.
    pub empowerments: &'static [(&'static str, Role)],
}

/// `idp_id` of the one identity provider behind the sandbox's ProConnect.
pub const OFFICERS_PROVIDER: &str = "6b0f1c2e-5f0a-4b7e-9d0c-0d4c5a1e7f11";

/// `idp_id` of the sandbox's FranceConnect, for whoever comes by themselves.
pub const CITIZENS_PROVIDER: &str = "1f7a52d4-0f5e-4a52-9b1c-5a3a0e6a7c10";
/// `idp_id` of the sandbox's Aidants Connect.
pub const HELPERS_PROVIDER: &str = "2c9e61b8-7d0b-4c39-8f57-3f1d9a4b6e22";

/// Level and means the sandbox's officers authenticate with.
pub const OFFICERS_ACR: &str = "eidas1-mfa";
/// The means, as `amr` lists them.
pub const OFFICERS_AMR: [&str; 3] = ["pwd", "pop", "mfa"];

/// The citizens.
pub const CITIZENS: &[DemoCitizen] = &[
    DemoCitizen {
        key: "camille",
        note: "sandbox-person-usual",
        given_name: "Camille Inès",
        family_name: "BERTHELOT",
        gender: "female",
        birthdate: Birthdate::Day("1988-04-17"),
        birthplace: Some("78646"),
        birthcountry: "99100",
        preferred_username: None,
        email: "camille.berthelot@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "lisandru",
        note: "sandbox-person-corsica",
        given_name: "Lisandru",
        family_name: "CASABIANDA",
        gender: "male",
        birthdate: Birthdate::Day("1975-11-02"),
        birthplace: Some("2A115"),
        birthcountry: "99100",
        preferred_username: None,
        email: "lisandru@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "issouf",
        note: "sandbox-person-presumed",
        given_name: "Issouf",
        family_name: "MADI SAÏD",
        gender: "male",
        birthdate: Birthdate::Day("1970-01-01"),
        birthplace: Some("97611"),
        birthcountry: "99100",
        preferred_username: None,
        email: "issouf.madi@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "amina",
        note: "sandbox-person-abroad",
        given_name: "Amina",
        family_name: "BENHADDOU",
        gender: "female",
        birthdate: Birthdate::Day("1992-09-30"),
        birthplace: None,
        birthcountry: "99350",
        preferred_username: None,
        email: "amina.b@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "charlie",
        note: "sandbox-person-gender",
        given_name: "Charlie",
        family_name: "LEMOINE",
        gender: "unspecified",
        birthdate: Birthdate::Day("2001-02-28"),
        birthplace: Some("97411"),
        birthcountry: "99100",
        preferred_username: None,
        email: "charlie.lemoine@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "zoe",
        note: "sandbox-person-accents",
        given_name: "Zoé Maëlle",
        family_name: "L'HÉRIDEL",
        gender: "female",
        birthdate: Birthdate::Day("1966-12-31"),
        birthplace: Some("29019"),
        birthcountry: "99100",
        preferred_username: None,
        email: "zoe@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "jean-eudes",
        note: "sandbox-person-hyphen",
        given_name: "Jean-Eudes Marie",
        family_name: "ROUX-VASSEUR",
        gender: "male",
        birthdate: Birthdate::Day("1954-07-14"),
        birthplace: Some("69383"),
        birthcountry: "99100",
        preferred_username: None,
        email: "je.roux-vasseur@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "helene",
        note: "sandbox-person-used-name",
        given_name: "Hélène Odile",
        family_name: "PRIGENT",
        gender: "female",
        birthdate: Birthdate::Day("1979-05-08"),
        // Some send the empty text, some nothing at all: both are served here.
        birthplace: Some(""),
        birthcountry: "99109",
        preferred_username: Some("TANGUY"),
        email: "helene.tanguy@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "nino",
        note: "sandbox-person-minor",
        given_name: "Nino",
        family_name: "FABRE",
        gender: "male",
        birthdate: Birthdate::YearsAgo(15),
        birthplace: Some("31555"),
        birthcountry: "99100",
        preferred_username: None,
        email: "nino.fabre@courriel.example",
        helped: false,
    },
    DemoCitizen {
        key: "lucette",
        note: "sandbox-person-helped",
        given_name: "Lucette Jeanne",
        family_name: "MARCHADIER",
        gender: "female",
        birthdate: Birthdate::Day("1938-03-21"),
        birthplace: Some("87085"),
        birthcountry: "99100",
        preferred_username: None,
        email: "lucette.marchadier@courriel.example",
        helped: true,
    },
];

/// The officers.
pub const OFFICERS: &[DemoOfficer] = &[
    DemoOfficer {
        key: "78-police",
        note: "sandbox-officer-78-police",
        given_name: "Sarah",
        usual_name: "Delmas",
        email: "sarah.delmas@interieur.example",
        rio: "9078001",
        empowerments: &[("u-78-police", Role::Officer)],
    },
    DemoOfficer {
        key: "78-gendarmerie",
        note: "sandbox-officer-78-gendarmerie",
        given_name: "Mathieu",
        usual_name: "Korbut",
        email: "mathieu.korbut@gendarmerie.example",
        rio: "9078002",
        empowerments: &[("u-78-gendarmerie", Role::Officer)],
    },
    DemoOfficer {
        key: "974-police",
        note: "sandbox-officer-974-police",
        given_name: "Anaïs",
        usual_name: "Payet",
        email: "anais.payet@interieur.example",
        rio: "9974001",
        empowerments: &[("u-974-police", Role::Officer)],
    },
    DemoOfficer {
        key: "974-gendarmerie",
        note: "sandbox-officer-974-gendarmerie",
        given_name: "Loïc",
        usual_name: "Hoarau",
        email: "loic.hoarau@gendarmerie.example",
        rio: "9974002",
        empowerments: &[("u-974-gendarmerie", Role::Officer)],
    },
    DemoOfficer {
        key: "admin-78",
        note: "sandbox-officer-unit-admin",
        given_name: "Nadia",
        usual_name: "Ferrand",
        email: "nadia.ferrand@interieur.example",
        rio: "9078003",
        empowerments: &[("u-78-police", Role::UnitAdmin)],
    },
    DemoOfficer {
        key: "admin-974",
        note: "sandbox-officer-department-admin",
        given_name: "Jérôme",
        usual_name: "Técher",
        email: "jerome.techer@interieur.example",
        rio: "9974003",
        empowerments: &[("u-974-police", Role::DepartmentAdmin)],
    },
    DemoOfficer {
        key: "auditor",
        note: "sandbox-officer-auditor",
        given_name: "Claire",
        usual_name: "Monnier",
        email: "claire.monnier@interieur.example",
        rio: "9000001",
        empowerments: &[("u-78-police", Role::Auditor)],
    },
    DemoOfficer {
        key: "two-roles",
        note: "sandbox-officer-two-roles",
        given_name: "Thomas",
        usual_name: "Le Goff",
        email: "thomas.legoff@interieur.example",
        rio: "9078004",
        empowerments: &[
            ("u-78-police", Role::Officer),
            ("u-78-police", Role::UnitAdmin),
        ],
    },
    DemoOfficer {
        key: "stranger",
        note: "sandbox-officer-stranger",
        given_name: "Paul",
        usual_name: "Inconnu",
        email: "paul.inconnu@interieur.example",
        rio: "",
        empowerments: &[],
    },
];

/// The citizen of that key.
#[must_use]
pub fn citizen(key: &str) -> Option<&'static DemoCitizen> {
    CITIZENS.iter().find(|citizen| citizen.key == key)
}

/// The officer of that key.
#[must_use]
pub fn officer(key: &str) -> Option<&'static DemoOfficer> {
    OFFICERS.iter().find(|officer| officer.key == key)
}
