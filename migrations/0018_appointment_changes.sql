-- What moving, calling off and recognising a doubled appointment need.
alter table appointments add column sequence bigint not null default 0;  -- how often it was moved; SEQUENCE of its calendar entry
alter table appointments add column late_at bigint;                      -- when nobody had come ten minutes after the start
alter table appointments add column facts_mark text;                     -- keyed hash of what it is about, while it is live
create index appointments_expected on appointments (starts_at) where state in ('booked', 'open');

-- One live appointment for the same facts, whatever case they were told in.
create unique index appointments_one_for_facts on appointments (citizen_id, facts_mark)
    where state in ('held', 'booked', 'open', 'in_hearing');

-- A person is never expected twice at the same time: one row for each five
-- minutes of a person, as desk_occupancy has one for each five minutes of a desk.
create table citizen_occupancy (
    citizen_id text not null references citizens (id),
    quantum bigint not null,            -- instant (ms) / 300000
    appointment_id text not null references appointments (id),
    primary key (citizen_id, quantum)
);
create index citizen_occupancy_by_appointment on citizen_occupancy (appointment_id);
insert into citizen_occupancy (citizen_id, quantum, appointment_id)
select a.citizen_id, o.quantum, a.id
from appointments a join desk_occupancy o on o.appointment_id = a.id
where a.state in ('held', 'booked', 'open', 'in_hearing') and o.quantum * 300000 < a.ends_at
on conflict do nothing;

-- Why it was called off or moved: a code of booking/reasons.rs.
alter table appointment_moves add column reason text;
