-- How many appointments an identity confirmed lately: one row for each place that was
-- ever used, which is free again after thirty days. Personal data: that somebody booked,
-- and when; the row of the appointment says so too.
create table booking_allowances (
    citizen_id text not null references citizens (id),
    place bigint not null check (place between 1 and 100),
    used_at bigint not null,
    primary key (citizen_id, place)
);
