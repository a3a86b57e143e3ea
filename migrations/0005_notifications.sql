-- The transactional outbox: a row is written in the transaction of the act it
-- tells. Recipient and values are sealed; text is rendered when it is sent.
create table messages (
    id text primary key,                -- also the Message-ID and the suppliers' idempotency key
    event text not null,                -- what happened, e.g. 'appointment/…/booked'
    recipient text not null,            -- pseudonym: 'citizen/…'
    channel text not null check (channel in ('email', 'sms')),
    template text not null,
    language text not null,
    sealed_values bytea not null,       -- address and template values (JSON)
    state text not null check (state in ('pending', 'sent', 'expired', 'dead')),
    attempts bigint not null,
    next_attempt_at bigint not null,
    expires_at bigint not null,
    created_at bigint not null,
    sent_at bigint,
    last_error text,
    unique (event, recipient, channel)
);
create index messages_due on messages (next_attempt_at) where state = 'pending';

-- What the sandbox supplier accepted: one row for each acceptance, so that a
-- duplicate is seen and counted.
create table sandbox_deliveries (
    id text primary key,
    message_id text not null,
    channel text not null,
    recipient text not null,
    subject text not null,
    body text not null,
    calendar text not null,
    accepted_at bigint not null
);
