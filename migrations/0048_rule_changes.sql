-- Every change of the rules of a unit's slots with what stood before, so that the
-- history says what changed and the former rules come back by one button.
-- No personal data but who set it.
create table rule_changes (
    unit_id text not null references units (id),
    version bigint not null check (version > 0),
    former text not null,               -- the rules before, JSON
    rules text not null,                -- the rules since, JSON
    set_at bigint not null,
    set_by text not null,
    undoes bigint,                      -- the version that this one took back
    primary key (unit_id, version)
);
