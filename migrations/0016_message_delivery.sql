-- Who may see a message that could not be delivered, why it could not, and what
-- became of it since.
alter table messages add column unit_id text references units (id);
alter table messages add column reason text
    check (reason in ('recipient', 'content', 'expired'));
alter table messages add column supplier text;      -- who took it, or refused it last
alter table messages add column ended_at bigint;    -- when it was given up
alter table messages add column instead_of text references messages (id); -- its other channel was dead
alter table messages add column resent_at bigint;   -- sent again by an administrator
create index messages_given_up on messages (unit_id, ended_at) where state in ('dead', 'expired');
