-- How a unit lets go of its slots: a share of each desk's at the horizon's edge, another
-- some days before, the rest the evening before. With 100 all of them are offered at once.
alter table units add column release_first bigint not null default 100 check (release_first between 0 and 100);
alter table units add column release_second bigint not null default 0 check (release_second between 0 and 100);
alter table units add column release_days bigint not null default 7 check (release_days between 1 and 60);
