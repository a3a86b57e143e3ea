-- What people read of a unit besides its address, and whether it receives at all. No
-- personal data: the telephone and the mailbox are those of a public office.
alter table units add column public_hours text not null default '';     -- when its doors are open
alter table units add column accessibility text not null default '';    -- for people with a disability
alter table units add column languages text not null default '';        -- spoken there
alter table units add column closed_at bigint;

-- Every change of a sheet is a version of its own, so that the history stays, two
-- administrators cannot overwrite each other unseen, and the last one can be undone.
-- No personal data but who set it.
create table unit_changes (
    unit_id text not null references units (id),
    version bigint not null check (version > 0),
    act text not null check (act in ('create', 'edit', 'close', 'reopen')),
    former text not null,               -- the sheet before, JSON; of a new unit its first one
    sheet text not null,                -- the sheet since, JSON
    set_at bigint not null,
    set_by text not null,
    undoes bigint,                      -- the version that this one took back
    primary key (unit_id, version)
);
