-- The whole national list, and where video is offered. A commune or a department may
-- be closed for a while, with words for the people who live there.
alter table departments add column coverage_message text not null default '';
alter table communes add column coverage_open boolean not null default true;
alter table communes add column coverage_message text not null default '';

-- Every postal code of a commune; communes.postal_code is the first of them.
create table commune_postal_codes (
    postal_code text not null,
    insee_code text not null references communes (insee_code),
    primary key (postal_code, insee_code)
);
create index commune_postal_codes_by_commune on commune_postal_codes (insee_code);
insert into commune_postal_codes (postal_code, insee_code) select postal_code, insee_code from communes;
