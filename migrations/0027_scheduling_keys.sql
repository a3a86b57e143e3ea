-- Who may use the scheduling interface. A key belongs to one unit; its secret is
-- shown once and kept as a hash. While it is rotated, two secrets hold.
create table scheduling_keys (
    id text primary key,
    unit_id text not null references units (id),
    name text not null,                 -- which front end, as the administrator calls it
    created_at bigint not null,
    created_by text not null,
    expires_at bigint,
    revoked_at bigint,
    revoked_by text
);
create index scheduling_keys_by_unit on scheduling_keys (unit_id, created_at);

create table scheduling_key_secrets (
    id text primary key,                -- of the form that made it, so that a form sent twice makes one
    key_id text not null references scheduling_keys (id),
    hash text not null unique,          -- SHA-256, hex
    created_at bigint not null,
    created_by text not null,
    last_used_at bigint,                -- to the minute
    until_at bigint                     -- null: as long as its key
);
create index scheduling_key_secrets_by_key on scheduling_key_secrets (key_id);

-- Integer numbers beside our ids, for an interface whose ids are integers. A number
-- is given to one thing, once, and never again.
create table scheduling_numbers (
    kind text not null check (kind in ('desk', 'hours')),
    object_id text not null,
    number bigint not null,
    primary key (kind, object_id),
    unique (kind, number)
);
create table scheduling_counters (
    kind text primary key,              -- 'desk', 'hours', 'appointment', 'person'
    last bigint not null
);
insert into scheduling_counters (kind, last) values ('desk', 0), ('hours', 0), ('appointment', 0), ('person', 0);
