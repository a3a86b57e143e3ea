create table appointments (
    id text primary key,
    reference text not null unique,     -- what a person reads aloud: 'VP-7K3M-92QX'
    unit_id text not null references units (id),
    desk_id text not null references desks (id),
    case_id text not null references declarations (case_id),
    citizen_id text not null references citizens (id),
    officer_id text references officers (id),
    starts_at bigint not null,
    ends_at bigint not null,
    state text not null check (state in ('held', 'booked', 'open', 'in_hearing', 'closed',
        'cancelled_by_citizen', 'cancelled_by_unit', 'no_show', 'expired', 'transferred', 'converted_in_person')),
    held_until bigint,
    booked_at bigint,
    created_at bigint not null,
    check (ends_at > starts_at)
);
-- One live appointment a case: a doubled submission cannot take two slots.
create unique index appointments_one_live on appointments (case_id) where state in ('held', 'booked', 'open', 'in_hearing');
create index appointments_by_unit on appointments (unit_id, starts_at);
create index appointments_by_citizen on appointments (citizen_id);

-- A desk is never occupied twice: one row for each five minutes of a desk.
create table desk_occupancy (
    desk_id text not null references desks (id),
    quantum bigint not null,            -- instant (ms) / 300000
    appointment_id text not null references appointments (id),
    expires_at bigint,                  -- of a hold; null once booked
    primary key (desk_id, quantum)
);
create index desk_occupancy_by_appointment on desk_occupancy (appointment_id);

-- Every change of state, with who and when.
create table appointment_moves (
    appointment_id text not null references appointments (id),
    seq bigint not null,
    from_state text,
    to_state text not null,
    at bigint not null,
    actor text not null,
    primary key (appointment_id, seq)
);
