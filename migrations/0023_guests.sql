-- Whom an officer invites to a hearing besides the person who booked: each has a link
-- of their own (`meeting_links.person` is 'guest/ID') and is told a code by who invited
-- them. Personal data: what they are called and where the link was sent, sealed with
-- the case's key and erased with it; `address_mark` is a keyed hash of the address.
create table guests (
    id text primary key,
    appointment_id text not null references appointments (id),
    role text not null check (role in ('lawyer', 'companion', 'interpreter')),
    sealed_identity bytea not null,     -- name, channel, address (JSON)
    address_mark text not null,
    language text not null,
    tries bigint not null,              -- codes typed on the link's present generation
    invited_at bigint not null,
    invited_by text not null,           -- actor
    revoked_at bigint,
    revoked_by text
);
-- One link for a person and role of a hearing: who is invited twice is sent it again.
create unique index guests_once on guests (appointment_id, role, address_mark) where revoked_at is null;
