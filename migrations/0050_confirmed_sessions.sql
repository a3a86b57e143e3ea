-- Where a browser knew somebody else before, a citizen says first that they are who
-- FranceConnect says they are: until then their session opens nothing but that question.
alter table sessions add column unconfirmed boolean not null default false;
