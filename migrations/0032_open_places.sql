-- How many hearings a unit's desks could have begun on a day of the past. Slots are
-- computed from what is true now, so each day is counted once, the night after. No
-- personal data.
create table open_places (
    unit_id text not null references units (id),
    day text not null,                  -- 'YYYY-MM-DD' on the unit's wall
    places bigint not null,
    counted_at bigint not null,
    primary key (unit_id, day)
);
