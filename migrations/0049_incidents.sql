-- What everybody is told while something does not work: a message in both languages with
-- a beginning and an end, for a department or the whole country. No personal data but
-- who wrote it and who took it back.
create table incidents (
    id text primary key,
    department text references departments (code),  -- none: the whole country
    audience text not null check (audience in ('everybody', 'citizens', 'officers')),
    message_fr text not null,
    message_en text not null,
    begins_at bigint not null,
    ends_at bigint not null,
    created_at bigint not null,
    created_by text not null,
    withdrawn_at bigint,
    withdrawn_by text,
    check (ends_at > begins_at)
);
create index incidents_by_end on incidents (ends_at);
