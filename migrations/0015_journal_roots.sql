-- The heads of all chains that moved, gathered at an instant in one Merkle tree
-- (RFC 6962) whose root is signed. Each signed root names the one before.
create table journal_roots (
    seq bigint primary key,             -- from 1, without a gap
    at bigint not null,
    size bigint not null,               -- leaves of the tree
    root text not null,
    previous text not null,             -- hash of the root before
    hash text not null,                 -- of all the above
    signature text not null             -- Ed25519 over the hash, base64url
);

-- The leaves: which head each chain had then.
create table journal_leaves (
    root_seq bigint not null references journal_roots (seq),
    position bigint not null,           -- in the tree, from 0
    chain text not null,
    seq bigint not null,
    hash text not null,
    primary key (root_seq, position)
);
create index journal_leaves_by_chain on journal_leaves (chain, seq);

-- What stands in place of lines that were kept their three years: the last of
-- them by its hash, signed, so that the chain can still be checked from there.
create table journal_checkpoints (
    chain text not null,
    through_seq bigint not null,        -- last line that left
    hash text not null,                 -- its hash, which the next line names
    lines bigint not null,              -- how many left at once
    at bigint not null,
    signature text not null,
    primary key (chain, through_seq)
);

-- What an auditor searches by.
create index journal_by_time on journal (chain, at);
create index journal_by_actor on journal (chain, actor);
