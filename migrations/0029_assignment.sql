-- Which officer is to hold which hearing: appointments.officer_id, written by hand
-- before the room opens and by whoever opens it. An officer is never expected twice
-- at the same time: one row for each five minutes of an officer, as desk_occupancy
-- has one for each five minutes of a desk.
create table officer_occupancy (
    officer_id text not null references officers (id),
    quantum bigint not null,            -- instant (ms) / 300000
    appointment_id text not null references appointments (id),
    primary key (officer_id, quantum)
);
create index officer_occupancy_by_appointment on officer_occupancy (appointment_id);
create index appointments_by_officer on appointments (officer_id, starts_at) where officer_id is not null;

-- When an officer is away, so that nothing is given to them. Personal data of the
-- officer (that they are away, and when); why is nobody's business and has no column.
create table officer_absences (
    id text primary key,
    officer_id text not null references officers (id),
    unit_id text not null references units (id),
    from_at bigint not null,
    to_at bigint not null,
    created_at bigint not null,
    created_by text not null,
    removed_at bigint,
    removed_by text,
    check (to_at > from_at)
);
create index officer_absences_by_officer on officer_absences (officer_id, to_at) where removed_at is null;
create index officer_absences_by_unit on officer_absences (unit_id, to_at) where removed_at is null;

-- "We are running late": the hour at which the unit now expects to begin, as long as
-- the appointment is set for the hour it was said about (sequence).
create table appointment_delays (
    appointment_id text primary key references appointments (id),
    sequence bigint not null,
    until_at bigint not null,
    told_at bigint not null,
    told_by text not null
);
