-- Where the front end of a key is told of changes, and what it is told. The secrets
-- must be had in clear to sign with them, so they are sealed, not hashed.
create table scheduling_webhooks (
    key_id text primary key references scheduling_keys (id),
    url text not null,
    set_at bigint not null,             -- since when it is told of changes
    set_by text not null,               -- who last gave an address
    removed_at bigint,
    busy_until bigint                   -- one delivery to a receiver at a time: a lease
);

create table scheduling_webhook_secrets (
    id text primary key,                -- of the form that made it
    key_id text not null references scheduling_webhooks (key_id),
    sealed_secret bytea not null,
    created_at bigint not null,
    created_by text not null,
    until_at bigint                     -- null: it signs until it is replaced
);
create index scheduling_webhook_secrets_by_key on scheduling_webhook_secrets (key_id);

-- The outbox of webhooks. The id is the receiver's idempotency key.
create table scheduling_deliveries (
    id text primary key,
    key_id text not null references scheduling_webhooks (key_id),
    seq bigint not null,                -- of the change in its unit
    kind text not null,
    body text not null,
    state text not null check (state in ('pending', 'delivered', 'dead')),
    attempts bigint not null,
    next_attempt_at bigint not null,
    expires_at bigint not null,
    created_at bigint not null,
    ended_at bigint,
    last_error text,
    unique (key_id, seq)
);
create index scheduling_deliveries_due on scheduling_deliveries (next_attempt_at) where state = 'pending';
create index scheduling_deliveries_dead on scheduling_deliveries (key_id, ended_at) where state = 'dead';
