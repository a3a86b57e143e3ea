-- An e-mail address or number is written to only after a code sent there was typed.
-- One row for a person and an address. The address itself stands in the sealed
-- declaration; `address_mark` is a keyed hash of it (pseudonymous personal data: who
-- has the key can compare it with an address they know, nobody can read it). The code
-- is derived from id and generation with a key of its own, and stored nowhere.
create table contact_codes (
    id text primary key,
    citizen_id text not null references citizens (id),
    channel text not null check (channel in ('email', 'sms')),
    address_mark text not null,
    generation bigint not null,         -- raised with each code sent
    sendings bigint not null,           -- since first_sent_at
    first_sent_at bigint not null,
    sent_at bigint not null,
    expires_at bigint not null,
    tries bigint not null,              -- of this generation
    confirmed_at bigint,
    unique (citizen_id, channel, address_mark)
);

-- How many codes a person asked for, and an address was sent by all persons together,
-- on a day. Same pseudonyms; rows of past days are deleted.
create table code_budgets (
    subject text not null,              -- 'citizen/ID' or 'address/MARK'
    day bigint not null,                -- instant (ms) / 86400000
    spent bigint not null,
    primary key (subject, day)
);
create index code_budgets_by_day on code_budgets (day);
