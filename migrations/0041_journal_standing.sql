-- The head each chain was last signed with, of every chain, also those that stood still.
-- Each root signs the tree over all of them: whoever has the database alone can take no
-- chain out of what is signed, nor have one signed anew that was changed.
create table journal_standing (
    chain text primary key,
    seq bigint not null,
    hash text not null
);
insert into journal_standing (chain, seq, hash)
    select l.chain, l.seq, l.hash from journal_leaves l
    where not exists (select 1 from journal_leaves m where m.chain = l.chain and m.seq > l.seq);

-- Root of that tree; empty in roots that were signed before there was one.
alter table journal_roots add column standing text not null default '';
