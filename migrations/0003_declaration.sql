-- What the citizen tells before the slot. The case is born here: its id goes
-- through appointment, hearing and record, and its key seals everything told.
create table case_keys (
    case_id text primary key,
    wrapped_key bytea not null,
    created_at bigint not null
);

create table declarations (
    case_id text primary key references case_keys (case_id),
    citizen_id text not null references citizens (id),
    unit_id text references units (id),
    commune_code text references communes (insee_code),
    offence text not null,              -- code of the offence catalogue
    catalogue_version text not null,
    language text not null,
    sealed_content bytea not null,      -- contact, address, facts (JSON)
    rights_version text,
    rights_seen_at bigint,
    terms_version text,
    terms_accepted_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    submitted_at bigint
);
create unique index declarations_one_draft on declarations (citizen_id) where submitted_at is null;
