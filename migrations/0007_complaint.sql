create table complaint_records (
    case_id text primary key references declarations (case_id),
    appointment_id text not null unique references appointments (id),
    unit_id text not null references units (id),
    officer_id text not null references officers (id),
    number text not null unique,
    state text not null check (state in ('drafting', 'in_review', 'changes_requested', 'agreed', 'refused',
        'signed', 'handed_off', 'acknowledged', 'rejected', 'erased')),
    opened_at bigint not null,
    signed_at bigint
);

-- The officer's working text, saved as it is typed. The revision refuses a
-- save that was typed on an older text.
create table record_drafts (
    case_id text primary key references complaint_records (case_id),
    revision bigint not null,
    sealed_content bytea not null,
    saved_at bigint not null,
    saved_by text not null
);

-- Versions sent for review: append-only.
create table record_versions (
    case_id text not null references complaint_records (case_id),
    version bigint not null,
    hash text not null,                 -- SHA-256 of the content, hex
    sealed_content bytea not null,
    sent_at bigint not null,
    sent_by text not null,
    primary key (case_id, version),
    unique (case_id, version, hash)
);

create table change_requests (
    id text primary key,
    case_id text not null,
    version bigint not null,
    sealed_text bytea not null,
    requested_at bigint not null,
    sealed_answer bytea,
    answered_at bigint,
    answered_by text,
    foreign key (case_id, version) references record_versions (case_id, version)
);

-- The person's decision on one version, bound to its hash.
create table agreements (
    case_id text not null,
    version bigint not null,
    version_hash text not null,
    decision text not null check (decision in ('agreed', 'refused')),
    decided_at bigint not null,
    session_id text not null,
    acr text not null,
    primary key (case_id, version_hash),
    foreign key (case_id, version, version_hash) references record_versions (case_id, version, hash)
);

-- No signature without the person's decision on the very same version hash.
create table signatures (
    case_id text not null,
    document text not null check (document in ('proces_verbal', 'recepisse')),
    version_hash text not null,
    sealed_prepared bytea not null,     -- document and attributes waiting for the signature
    prepared_at bigint not null,
    officer_id text not null references officers (id),
    completed_at bigint,
    primary key (case_id, document),
    foreign key (case_id, version_hash) references agreements (case_id, version_hash)
);

create table documents (
    id text primary key,
    case_id text not null references complaint_records (case_id),
    kind text not null check (kind in ('proces_verbal', 'recepisse', 'agreement_proof')),
    object_path text not null,          -- sealed with the case key in the object store
    sha256 text not null,               -- of the plain document
    bytes bigint not null,
    created_at bigint not null,
    unique (case_id, kind)
);

create table handoffs (
    case_id text primary key references complaint_records (case_id),
    package_id text not null unique,
    object_path text not null,
    sha256 text not null,
    state text not null check (state in ('pending', 'delivered', 'acknowledged', 'rejected')),
    attempts bigint not null,
    next_attempt_at bigint not null,
    created_at bigint not null,
    delivered_at bigint,
    answered_at bigint,
    reason text
);
