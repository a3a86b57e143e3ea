-- People and their sessions. A citizen is (issuer, sub) of FranceConnect, an
-- officer is (sub, idp_id) of ProConnect. Names and the like are sealed.
create table citizens (
    id text primary key,
    issuer text not null,
    sub text not null,
    sealed_identity bytea not null,     -- pivot identity as first given; immutable
    created_at bigint not null,
    unique (issuer, sub)
);

create table officers (
    id text primary key,
    sub text not null,
    idp_id text not null,
    sealed_identity bytea not null,     -- given name, usual name, e-mail
    rio text not null,                  -- administrative number shown instead of the name
    created_at bigint not null,
    unique (sub, idp_id)
);

-- Individual empowerment: somebody gave it, at a time, for a unit or a department.
create table empowerments (
    id text primary key,
    officer_id text not null references officers (id),
    unit_id text not null references units (id),
    role text not null check (role in ('officer', 'unit_admin', 'department_admin', 'auditor')),
    granted_at bigint not null,
    granted_by text not null,
    revoked_at bigint,
    revoked_by text
);
create unique index empowerments_once on empowerments (officer_id, unit_id, role) where revoked_at is null;

-- Sessions live on the server; the cookie's hash is the key, so a stolen
-- database opens no session.
create table sessions (
    id text primary key,                -- SHA-256 of the cookie, hex
    citizen_id text references citizens (id),
    officer_id text references officers (id),
    empowerment_id text references empowerments (id),
    acr text not null,                  -- level the provider vouched for
    amr text not null,
    sealed_id_token bytea not null,     -- id_token_hint of the provider's logout
    started_at bigint not null,
    authenticated_at bigint not null,
    last_seen_at bigint not null,
    expires_at bigint not null,
    ended_at bigint,
    check ((citizen_id is null) <> (officer_id is null))
);
create index sessions_by_citizen on sessions (citizen_id);
create index sessions_by_officer on sessions (officer_id);

-- One row for each departure to a provider; used once, by one UPDATE.
create table login_attempts (
    state_hash text primary key,
    provider text not null check (provider in ('franceconnect', 'proconnect')),
    browser_hash text not null,         -- binds the answer to the browser that left
    sealed_request bytea not null,      -- nonce and return path (JSON); a path may hold a link's secret
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
