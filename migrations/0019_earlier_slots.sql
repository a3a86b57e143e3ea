-- The waiting list for an earlier slot. Who asked first is asked first; what is
-- offered is a real slot, whose desk is held in desk_occupancy until the deadline.
create table earlier_wishes (
    appointment_id text primary key references appointments (id),
    unit_id text not null references units (id),
    asked_at bigint not null,
    ended_at bigint
);
create index earlier_wishes_waiting on earlier_wishes (unit_id, asked_at) where ended_at is null;

-- One slot is offered to a person at most once, one at a time.
create table earlier_offers (
    appointment_id text not null references earlier_wishes (appointment_id),
    starts_at bigint not null,
    desk_id text not null references desks (id),
    offered_at bigint not null,
    until_at bigint not null,
    outcome text check (outcome in ('taken', 'declined', 'lapsed', 'void')),
    ended_at bigint,
    primary key (appointment_id, starts_at)
);
create unique index earlier_offers_one_open on earlier_offers (appointment_id) where outcome is null;
create index earlier_offers_due on earlier_offers (until_at) where outcome is null;
