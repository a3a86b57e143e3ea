-- An officer whom nobody has empowered may ask for it: who ProConnect says they
-- are is kept, sealed, for as long as the code lives that they tell their
-- administrator. ProConnect's subject is the key, never an e-mail address, which
-- may pass from one person to the next.
create table empowerment_requests (
    id text primary key,
    sub text not null,
    idp_id text not null,
    code_hash text not null,            -- SHA-256 of the code, hex
    sealed_identity bytea not null,     -- given name, usual name, e-mail
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    used_by text,                       -- the administrator, as an actor
    unique (sub, idp_id)
);
create unique index empowerment_requests_by_code on empowerment_requests (code_hash);

create index empowerments_by_unit on empowerments (unit_id);
create index officers_by_rio on officers (rio);
create index sessions_by_empowerment on sessions (empowerment_id);
