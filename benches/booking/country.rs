//! A whole country to measure in: every department and commune, units and desks
//! that do not exist, and as many past appointments as wanted. Written by few
//! statements, the same on both databases; what it leaves is what the service's
//! own acts would have left, without their journal.

use visioplainte::app::App;
use visioplainte::calendar::national_list::{self, NationalList};
use visioplainte::db::{Id, Tx};
use visioplainte::declaration::Content;
use visioplainte::{execute, fetch_all};

/// Units of the country.
pub const UNITS: i64 = 3_500;
/// Desks of the country; each unit has two or three.
pub const DESKS: i64 = 10_000;
/// People who book, each with a case that is ready.
pub const PEOPLE: i64 = 6_000;
/// Past appointments of a desk on one day.
const A_DAY: i64 = 4;
/// Past appointments written by one statement.
const BATCH: i64 = 50_000;

/// The key of a unit.
pub fn unit(number: i64) -> Id {
    Id(format!("b-unit-{number}"))
}

/// The keys of a person and of their case.
pub fn person(number: i64) -> (Id, Id) {
    (
        Id(format!("b-person-{number}")),
        Id(format!("b-case-{number}")),
    )
}

/// The departments that have units.
pub async fn departments(app: &App) -> Vec<String> {
    let mut tx = app.db.read().await.unwrap();
    let rows = fetch_all!(
        &mut tx,
        (String,),
        "select distinct department from units order by department"
    );
    rows.unwrap().into_iter().map(|(code,)| code).collect()
}

/// Takes all the opening hours of every desk of a department (nine to eighteen in
/// Paris, in winter), for some days from now on.
pub async fn fill(app: &App, department: &str, days: i64) {
    let first = app.clock.now().0 / 300_000;
    let mut tx = app.db.begin().await.unwrap();
    execute!(
        &mut tx,
        "insert into desk_occupancy (desk_id, quantum, appointment_id)
         with recursive n (i) as (select cast($2 as bigint) union all select i + 1 from n where i + 1 < $3)
         select d.id, n.i, 'b-past-0'
         from units u join desks d on d.unit_id = u.id cross join n
         where u.department = $1 and n.i % 288 between 96 and 203 on conflict do nothing",
        department,
        first,
        first + days * 288
    )
    .unwrap();
    tx.commit().await.unwrap();
}

/// Writes it all.
pub async fn seed(app: &App, past: i64) {
    let mut tx = app.db.begin().await.unwrap();
    communes(app, &mut tx).await;
    units_and_desks(&mut tx).await;
    people(app, &mut tx).await;
    tx.commit().await.unwrap();
    let mut written = 0;
    while written < past {
        let to = past.min(written + BATCH);
        let mut tx = app.db.begin().await.unwrap();
        history(app, &mut tx, written, to).await;
        tx.commit().await.unwrap();
        written = to;
    }
    let mut tx = app.db.begin().await.unwrap();
    // What the engines' own upkeep would have done since.
    execute!(&mut tx, "analyze").unwrap();
    tx.commit().await.unwrap();
}

async fn communes(app: &App, tx: &mut Tx) {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/web/node_modules/@etalab/decoupage-administratif/data"
    );
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let list = NationalList::read(&read("departements"), &read("communes")).unwrap();
    national_list::load(tx, &list, app.clock.now())
        .await
        .unwrap();
}

async fn units_and_desks(tx: &mut Tx) {
    execute!(
        tx,
        "insert into units (id, department, kind, name, address, postal_code, city, phone, email, time_zone,
             slot_minutes, buffer_minutes, notice_minutes, horizon_days)
         with recursive n (i) as (select cast(0 as bigint) union all select i + 1 from n where i + 1 < $1),
             d (code, place, many) as (
                 select code, row_number() over (order by code) - 1, count(*) over () from departments)
         select 'b-unit-' || n.i, d.code, case when n.i % 3 = 0 then 'police' else 'gendarmerie' end,
             'Unité fictive ' || n.i, '1 place de l’Exemple', '00000', 'Fontclaire', '01 99 00 00 00',
             'unite@visioplainte.example', 'Europe/Paris', 30, 0, 120, 31
         from n join d on d.place = n.i % d.many",
        UNITS
    )
    .unwrap();
    execute!(
        tx,
        "update communes set unit_id = (select min(u.id) from units u where u.department = communes.department)
         where unit_id is null"
    )
    .unwrap();
    execute!(
        tx,
        "insert into desks (id, unit_id, label, opened_at, opened_by)
         with recursive n (i) as (select cast(0 as bigint) union all select i + 1 from n where i + 1 < $1)
         select 'b-desk-' || i, 'b-unit-' || (i % $2), 'Guichet ' || (1 + i / $2), 0, 'system' from n",
        DESKS,
        UNITS
    )
    .unwrap();
    for (part, from, to) in [("m", 540_i64, 720_i64), ("a", 840, 1_080)] {
        execute!(
            tx,
            "insert into opening_hours (id, desk_id, rrule, first_day, start_minute, end_minute, created_at, created_by)
             select id || cast($1 as text), id, 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', '2020-01-06',
                 cast($2 as bigint), cast($3 as bigint), 0, 'system'
             from desks where id like 'b-desk-%'",
            part,
            from,
            to
        )
        .unwrap();
    }
}

async fn people(app: &App, tx: &mut Tx) {
    let now = app.clock.now();
    let content = Content {
        email: "personne@example.org".into(),
        phone: "+33639980001".into(),
        facts_date: "2026-01-05".into(),
        facts_place: "Place de l’Exemple".into(),
        statement: "On m’a volé mon vélo.".into(),
        ..Content::default()
    };
    for number in 0..PEOPLE {
        let (citizen, case) = person(number);
        execute!(
            tx,
            "insert into citizens (id, issuer, sub, sealed_identity, created_at) values ($1, 'bench', $2, $3, $4)",
            &citizen,
            citizen.as_str(),
            Vec::<u8>::new(),
            now
        )
        .unwrap();
        let key = app.keys.create_case_key(tx, &case, now).await.unwrap();
        execute!(
            tx,
            "insert into declarations (case_id, citizen_id, unit_id, offence, catalogue_version, language,
                 sealed_content, created_at, updated_at)
             values ($1, $2, $3, 'vol', 'bench', 'fr', $4, $5, $5)",
            &case,
            &citizen,
            unit(number % UNITS),
            key.seal_json(&format!("declaration/{case}"), &content),
            now
        )
        .unwrap();
    }
}

/// Past appointments, the latest first: each desk has some on each day before today,
/// all of them heard, with the time that they took.
async fn history(app: &App, tx: &mut Tx, from: i64, to: i64) {
    let midnight = app.clock.now().0 / 86_400_000 * 86_400_000;
    execute!(
        tx,
        "insert into appointments (id, reference, unit_id, desk_id, case_id, citizen_id, starts_at, ends_at, state,
             booked_at, created_at)
         with recursive n (i) as (select cast($1 as bigint) union all select i + 1 from n where i + 1 < $2),
             p (i, desk, starts_at) as (
                 select i, i % $4, $5 - (1 + i / $4 / $6) * 86400000 + (9 + i / $4 % $6) * 3600000 from n)
         select 'b-past-' || p.i, 'B-' || p.i, 'b-unit-' || (p.desk % $7), 'b-desk-' || p.desk,
             'b-case-' || (p.i % $3), 'b-person-' || (p.i % $3), p.starts_at, p.starts_at + 1800000, 'closed', 0, 0
         from p",
        from,
        to,
        PEOPLE,
        DESKS,
        midnight,
        A_DAY,
        UNITS
    )
    .unwrap();
    execute!(
        tx,
        "insert into desk_occupancy (desk_id, quantum, appointment_id)
         with recursive n (i) as (select cast($1 as bigint) union all select i + 1 from n where i + 1 < $2),
             q (k) as (select cast(0 as bigint) union all select k + 1 from q where k < 5)
         select a.desk_id, a.starts_at / 300000 + q.k, a.id
         from n join appointments a on a.id = 'b-past-' || n.i cross join q",
        from,
        to
    )
    .unwrap();
}
