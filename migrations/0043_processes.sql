-- Which processes run, and with which master key (by its mark): a key is not forgotten
-- while somebody works with it. No personal data.
create table processes (
    id text primary key,
    key_mark text not null,
    seen_at bigint not null
);
