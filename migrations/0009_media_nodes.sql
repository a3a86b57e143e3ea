-- Where the service's processes agree which media node carries which room.

create table media_nodes (
    name text primary key,
    state text not null check (state in ('ready', 'draining')),
    heard_at bigint not null            -- the lease: a node unheard for too long is lost
);

-- A room lives on one node. Changing the node is one statement that names the
-- former one, so that two processes that both see it lost move the room once.
create table room_nodes (
    appointment_id text primary key references hearings (appointment_id),
    node text not null,
    turn bigint not null,               -- how many nodes the room has had; only grows
    given_at bigint not null
);
