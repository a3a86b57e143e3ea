-- A person's way into one hearing. The secret is derived from id and
-- generation with the link key, and stored nowhere.
create table meeting_links (
    id text primary key,
    appointment_id text not null references appointments (id),
    role text not null check (role in ('citizen', 'lawyer', 'companion', 'interpreter')),
    person text not null,               -- 'citizen/…'
    generation bigint not null,
    valid_from bigint not null,
    valid_until bigint not null,
    issued_at bigint not null,
    used_at bigint,
    revoked_at bigint,
    unique (appointment_id, role, person)
);

create table hearings (
    appointment_id text primary key references appointments (id),
    room text not null unique,
    version bigint not null,            -- of the room document; only grows
    state text not null check (state in ('open', 'paused', 'ended')),
    opened_at bigint not null,
    opened_by text not null,
    ended_at bigint,
    ended_by text
);

-- A place in the room, bound to one browser. Moving it to another browser
-- raises the generation, which ends the former one's join tokens.
create table seats (
    id text primary key,                -- the participant of signaling
    appointment_id text not null references appointments (id),
    role text not null check (role in ('citizen', 'officer', 'lawyer', 'companion', 'interpreter')),
    person text not null,
    browser_hash text not null,
    generation bigint not null,
    place text not null check (place in ('waiting', 'in', 'aside', 'left')),
    taken_at bigint not null,
    moved_at bigint,
    connected_at bigint,                -- presence as the media node last told it
    disconnected_at bigint,
    unique (appointment_id, role, person)
);

-- What the officer established, each once, with time and actor.
create table hearing_checks (
    appointment_id text not null references appointments (id),
    item text not null,                 -- key of the check list, e.g. 'identity', 'right.lawyer'
    result text not null,
    noted_at bigint not null,
    noted_by text not null,
    primary key (appointment_id, item)
);

create table hearing_events (
    id text primary key,
    appointment_id text not null references appointments (id),
    seat_id text references seats (id),
    kind text not null,                 -- 'admitted', 'joined', 'left', 'media_stopped', …
    at bigint not null,
    until_at bigint,
    actor text not null
);
create index hearing_events_by_appointment on hearing_events (appointment_id, at);
