-- Appointments that the front end of another service books through the scheduling
-- interface, for a person whom this service does not know. No personal data: the
-- two numbers are this service's own, given out once.
create table anonymous_appointments (
    appointment_id text primary key references appointments (id),
    number bigint not null unique,          -- the appointment's, as that interface shows it
    person_number bigint not null unique,   -- one of its own for the unknown person
    booked_by text not null                 -- the key, as an actor
);

-- Every change of such an appointment as it stood then, written in the transaction
-- of the change; whoever is to be told of it is told from here. A row outlives an
-- appointment that is erased, so it has no foreign key to it.
create table anonymous_changes (
    unit_id text not null references units (id),
    seq bigint not null,                    -- in the order of the unit's acts
    kind text not null check (kind in ('created', 'moved', 'cancelled', 'seen', 'noshow', 'deleted')),
    number bigint not null,
    person_number bigint not null,
    desk_id text not null references desks (id),
    starts_at bigint not null,
    ends_at bigint not null,
    state text not null,
    booked_at bigint not null,
    at bigint not null,
    told_at bigint,                         -- when it was dealt out to those who are to be told
    primary key (unit_id, seq)
);
create index anonymous_changes_untold on anonymous_changes (at) where told_at is null;
