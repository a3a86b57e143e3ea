-- Every change of where video is offered and who receives whom, with what stood before:
-- the history names places, author and date, and the last change can be undone.
-- No personal data but who set it.
create table coverage_changes (
    department text not null references departments (code),
    version bigint not null check (version > 0),
    act text not null check (act in ('department', 'commune', 'communes', 'unit_closed', 'unit_reopened')),
    unit_id text references units (id), -- the unit that was closed or reopened
    set_at bigint not null,
    set_by text not null,
    undoes bigint,                      -- the version that this one took back
    primary key (department, version)
);
create table coverage_change_places (
    department text not null,
    version bigint not null,
    place text not null,                -- INSEE code of a commune; empty: the department itself
    former_open boolean not null,
    former_message text not null,
    former_unit text references units (id),
    is_open boolean not null,
    message text not null,
    unit_id text references units (id),
    primary key (department, version, place),
    foreign key (department, version) references coverage_changes (department, version)
);
