//! What a demonstration starts with: two departments, four units that do not
//! exist and say so, real communes, one desk each. Seeding again adds only
//! what is missing, so it may run at every start.

use chrono::NaiveDate;

use crate::app::App;
use crate::audit::Actor;
use crate::calendar::hours::HoursPlan;
use crate::calendar::recurrence::day_of;
use crate::calendar::sheet::PublicFacts;
use crate::calendar::{self, Commune, Unit, UnitKind};
use crate::clock::Timestamp;
use crate::db::{Id, Tx};
use crate::error::Fault;

/// A department: INSEE code, name, time zone.
const DEPARTMENTS: [(&str, &str, &str); 2] = [
    ("78", "Yvelines", "Europe/Paris"),
    ("974", "La Réunion", "Indian/Reunion"),
];

struct SeedUnit {
    id: &'static str,
    desk: &'static str,
    department: &'static str,
    kind: UnitKind,
    name: &'static str,
    address: &'static str,
    postal_code: &'static str,
    city: &'static str,
    phone: &'static str,
    email: &'static str,
    public_hours: &'static str,
    accessibility: &'static str,
    languages: &'static str,
    /// INSEE code, name and main postal code of real communes.
    communes: &'static [(&'static str, &'static str, &'static str)],
}

// Telephone numbers are of the ranges kept for fiction (ARCEP decision 2012-0856).
const UNITS: [SeedUnit; 4] = [
    SeedUnit {
        id: "u-78-police",
        desk: "d-78-police-1",
        department: "78",
        kind: UnitKind::Police,
        name: "Commissariat de Fontclaire (unité fictive)",
        address: "1 place de l’Exemple",
        postal_code: "78000",
        city: "Fontclaire",
        phone: "01 99 00 78 01",
        email: "commissariat-fontclaire@visioplainte.example",
        public_hours: "Tous les jours, jour et nuit",
        accessibility: "Entrée de plain-pied, boucle magnétique à l’accueil",
        languages: "français, anglais",
        communes: &[
            ("78208", "Élancourt", "78990"),
            ("78297", "Guyancourt", "78280"),
            ("78423", "Montigny-le-Bretonneux", "78180"),
            ("78490", "Plaisir", "78370"),
            ("78621", "Trappes", "78190"),
            ("78646", "Versailles", "78000"),
        ],
    },
    SeedUnit {
        id: "u-78-gendarmerie",
        desk: "d-78-gendarmerie-1",
        department: "78",
        kind: UnitKind::Gendarmerie,
        name: "Brigade de Valombreuse (unité fictive)",
        address: "12 rue de l’Exemple",
        postal_code: "78114",
        city: "Valombreuse",
        phone: "01 99 00 78 02",
        email: "brigade-valombreuse@visioplainte.example",
        public_hours: "Du lundi au samedi, 8 h – 12 h et 14 h – 18 h",
        accessibility: "Rampe côté cour, sonnette à l’entrée",
        languages: "français",
        communes: &[
            ("78160", "Chevreuse", "78460"),
            ("78193", "Dampierre-en-Yvelines", "78720"),
            ("78356", "Magny-les-Hameaux", "78114"),
            ("78397", "Le Mesnil-Saint-Denis", "78320"),
            ("78575", "Saint-Rémy-lès-Chevreuse", "78470"),
        ],
    },
    SeedUnit {
        id: "u-974-police",
        desk: "d-974-police-1",
        department: "974",
        kind: UnitKind::Police,
        name: "Commissariat du Port-aux-Filaos (unité fictive)",
        address: "3 boulevard de l’Exemple",
        postal_code: "97400",
        city: "Port-aux-Filaos",
        phone: "02 61 91 97 41",
        email: "commissariat-filaos@visioplainte.example",
        public_hours: "Tous les jours, jour et nuit",
        accessibility: "Entrée de plain-pied, place réservée devant l’entrée",
        languages: "français, créole réunionnais",
        communes: &[
            ("97407", "Le Port", "97420"),
            ("97409", "Saint-André", "97440"),
            ("97411", "Saint-Denis", "97400"),
            ("97416", "Saint-Pierre", "97410"),
            ("97422", "Le Tampon", "97430"),
        ],
    },
    SeedUnit {
        id: "u-974-gendarmerie",
        desk: "d-974-gendarmerie-1",
        department: "974",
        kind: UnitKind::Gendarmerie,
        name: "Brigade de l’Anse-aux-Palmes (unité fictive)",
        address: "8 chemin de l’Exemple",
        postal_code: "97427",
        city: "Anse-aux-Palmes",
        phone: "02 61 91 97 42",
        email: "brigade-palmes@visioplainte.example",
        public_hours: "Du lundi au samedi, 8 h – 12 h et 14 h – 18 h",
        accessibility: "Entrée de plain-pied",
        languages: "français, créole réunionnais",
        communes: &[
            ("97401", "Les Avirons", "97425"),
            ("97404", "L’Étang-Salé", "97427"),
            ("97413", "Saint-Leu", "97436"),
            ("97419", "Sainte-Rose", "97439"),
            ("97421", "Salazie", "97433"),
            ("97424", "Cilaos", "97413"),
        ],
    },
];

/// Adds what is missing of the demonstration, in one transaction.
///
/// # Errors
/// When the database fails.
pub async fn seed(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    for (code, name, _) in DEPARTMENTS {
        calendar::add_department(&mut tx, code, name).await?;
    }
    for seed in &UNITS {
        seed_unit(&mut tx, seed, now).await?;
    }
    #[cfg(feature = "sandbox")]
    {
        crate::sandbox::seed_officers(&mut tx, &app.keys, now).await?;
        crate::scheduling::sandbox::seed(&mut tx, now).await?;
    }
    tx.commit().await
}

async fn seed_unit(tx: &mut Tx, seed: &SeedUnit, now: Timestamp) -> Result<(), Fault> {
    let zone = DEPARTMENTS
        .iter()
        .find(|(code, _, _)| *code == seed.department)
        .map_or("Europe/Paris", |(_, _, zone)| *zone);
    let unit = Unit {
        id: seed.id.into(),
        department: seed.department.into(),
        kind: seed.kind,
        name: seed.name.into(),
        address: seed.address.into(),
        postal_code: seed.postal_code.into(),
        city: seed.city.into(),
        phone: seed.phone.into(),
        email: seed.email.into(),
        time_zone: zone.into(),
        slot_minutes: 30,
        buffer_minutes: 0,
        notice_minutes: 0,
        horizon_days: 31,
        opens_on_holidays: true,
        release: calendar::release::ReleaseRule::default(),
        facts: PublicFacts {
            public_hours: seed.public_hours.into(),
            accessibility: seed.accessibility.into(),
            languages: seed.languages.into(),
        },
        closed_at: None,
    };
    calendar::add_unit(tx, &unit, &Actor::System, now).await?;
    for (insee_code, name, postal_code) in seed.communes {
        let commune = Commune {
            insee_code: (*insee_code).into(),
            name: (*name).into(),
            postal_code: (*postal_code).into(),
            department: seed.department.into(),
            unit_id: Some(unit.id.clone()),
        };
        calendar::add_commune(tx, &commune).await?;
    }
    let first_day: NaiveDate = day_of(now, unit.zone());
    let plan = HoursPlan {
        rrule: "FREQ=DAILY".into(),
        first_day,
        last_day: None,
        start_minute: 8 * 60,
        end_minute: 20 * 60,
    };
    let desk = Id::from(seed.desk);
    calendar::open_desk_as(tx, &desk, &unit, "Guichet 1", &plan, &Actor::System, now).await?;
    Ok(())
}
