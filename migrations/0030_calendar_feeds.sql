-- Addresses by which an officer's own calendar program reads a calendar of theirs, or
-- of their unit. Only the secret's hash is kept: a stolen database reads no calendar.
-- Personal data: whose address it is, and when it was last asked for.
create table calendar_feeds (
    id text primary key,
    secret_hash text not null unique,   -- SHA-256 of the secret in the address, hex
    owner_id text not null references officers (id),
    unit_id text not null references units (id),
    scope text not null check (scope in ('moi', 'unite')),
    issued_at bigint not null,
    read_day text,                      -- 'YYYY-MM-DD' (UTC) of the last read
    revoked_at bigint
);
-- A new address takes the former one's place.
create unique index calendar_feeds_one_live on calendar_feeds (owner_id, unit_id, scope) where revoked_at is null;
