-- Which neighbour units may receive a unit's people where it has no slot soon. Every
-- change is a version of its own, so that the history stays, two administrators cannot
-- overwrite each other unseen, and the last change can be undone.
-- No personal data but who set it.
create table overflow_plans (
    unit_id text not null references units (id),
    version bigint not null check (version > 0),
    after_days bigint check (after_days between 0 and 90),  -- none: people stay with their unit
    everybody boolean not null,             -- all other units of the department, after those named
    set_at bigint not null,
    set_by text not null,
    undoes bigint,                          -- the version that this one took back
    primary key (unit_id, version)
);
create table overflow_neighbours (
    unit_id text not null,
    version bigint not null,
    rank bigint not null check (rank > 0),  -- 1 is asked first
    neighbour_id text not null references units (id),
    primary key (unit_id, version, rank),
    unique (unit_id, version, neighbour_id),
    foreign key (unit_id, version) references overflow_plans (unit_id, version),
    check (neighbour_id <> unit_id)
);

-- The unit whose people a case is of, where another one receives it; none otherwise.
alter table declarations add column received_for text references units (id);
