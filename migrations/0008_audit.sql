-- One hash chain a unit (and one for the service itself), so that appends of
-- different units never wait for each other.
create table journal_heads (
    chain text primary key,
    seq bigint not null,
    hash text not null
);

create table journal (
    chain text not null,
    seq bigint not null,
    at bigint not null,
    actor text not null,                -- 'citizen/…', 'officer/…', 'system'
    act text not null,                  -- 'appointment.book', 'record.read', …
    object text not null,               -- 'appointment/…'
    detail text not null,               -- ids and numbers only, never personal data
    previous text not null,
    hash text not null,
    primary key (chain, seq)
);
create index journal_by_object on journal (object);
