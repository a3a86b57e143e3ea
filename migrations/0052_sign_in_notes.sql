-- What the officer who hears a person must know of how they signed in. Personal data: that
-- and when a helper with a mandate signed them in; and, sealed, the identity that the last
-- login brought where it is not the one first told, until a login brings that one again.
alter table citizens add column helped_at bigint;
alter table citizens add column differs_at bigint;
alter table citizens add column sealed_differing bytea;
