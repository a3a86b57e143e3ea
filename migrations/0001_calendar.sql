-- Units, their desks and what makes a desk bookable. Slots are computed from
-- these rows and the occupancy of desks (0004); they are never stored.
create table departments (
    code text primary key,              -- INSEE: '78', '2A', '974'
    name text not null,
    coverage_open boolean not null
);

create table units (
    id text primary key,
    department text not null references departments (code),
    kind text not null check (kind in ('police', 'gendarmerie')),
    name text not null,
    address text not null,
    postal_code text not null,
    city text not null,
    phone text not null,
    email text not null,
    time_zone text not null,            -- IANA name, e.g. 'Indian/Reunion'
    slot_minutes bigint not null check (slot_minutes between 5 and 240 and slot_minutes % 5 = 0),
    buffer_minutes bigint not null check (buffer_minutes between 0 and 120 and buffer_minutes % 5 = 0),
    notice_minutes bigint not null check (notice_minutes >= 0),
    horizon_days bigint not null check (horizon_days between 1 and 366)
);

create table communes (
    insee_code text primary key,        -- five characters, may hold a letter
    name text not null,
    search_name text not null,          -- lower case, no accents, for completion
    postal_code text not null,
    department text not null references departments (code),
    unit_id text references units (id)  -- the unit that receives its residents
);
create index communes_by_search_name on communes (search_name);

create table desks (
    id text primary key,
    unit_id text not null references units (id),
    label text not null,
    opened_at bigint not null,
    opened_by text not null,
    closed_at bigint,
    closed_by text
);
create index desks_by_unit on desks (unit_id);

-- One recurring range of a desk, as an RFC 5545 rule in the unit's local time.
create table opening_hours (
    id text primary key,
    desk_id text not null references desks (id),
    rrule text not null,                -- 'FREQ=WEEKLY;BYDAY=MO,TU'
    first_day text not null,            -- 'YYYY-MM-DD', local
    last_day text,                      -- inclusive; null while open-ended
    start_minute bigint not null check (start_minute between 0 and 1435),
    end_minute bigint not null check (end_minute <= 1440),
    created_at bigint not null,
    created_by text not null,
    removed_at bigint,
    removed_by text,
    check (end_minute > start_minute)
);
create index opening_hours_by_desk on opening_hours (desk_id);

create table absences (
    id text primary key,
    unit_id text not null references units (id),
    desk_id text references desks (id), -- null: the whole unit
    from_at bigint not null,
    to_at bigint not null,
    reason text not null,
    created_at bigint not null,
    created_by text not null,
    removed_at bigint,
    check (to_at > from_at)
);
create index absences_by_unit on absences (unit_id, to_at);
