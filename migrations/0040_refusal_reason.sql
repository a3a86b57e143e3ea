-- Why the person refused the text, in their own words, sealed with the case's key
-- (R. 2-29-2, 1°: what the person declared). Nothing where they gave no reason.
alter table agreements add column sealed_reason bytea;
