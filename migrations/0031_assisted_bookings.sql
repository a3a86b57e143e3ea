-- Appointments that an officer took for a person without FranceConnect. `request` is
-- drawn with the form: sent twice, it leads to the appointment of the first time.
-- No personal data: who the person is stands sealed in citizens and declarations.
create table assisted_bookings (
    request text primary key,
    appointment_id text not null references appointments (id),
    booked_by text not null,            -- actor
    booked_at bigint not null
);
