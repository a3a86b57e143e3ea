-- Holidays, absences with a history, and single days on which hours do not hold.
alter table units add column opens_on_holidays boolean not null default true;
alter table absences add column removed_by text;

-- EXDATE of RFC 5545: a day that a recurring range leaves out, on the unit's calendar.
create table opening_exceptions (
    hours_id text not null references opening_hours (id),
    day text not null,                  -- 'YYYY-MM-DD', local
    created_at bigint not null,
    created_by text not null,
    primary key (hours_id, day)
);
