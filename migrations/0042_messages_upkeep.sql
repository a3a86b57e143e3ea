-- Addresses and values of messages (personal data, sealed) are emptied once a message is
-- sent, or cannot be sent again; rows are deleted later. Both jobs find theirs by these.
create index messages_remembered on messages (expires_at) where state <> 'pending' and length(sealed_values) > 0;
create index messages_ended on messages (expires_at) where state <> 'pending';
create index messages_instead_of on messages (instead_of) where instead_of is not null;
