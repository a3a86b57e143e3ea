-- How calls went: numbers only. A room's name is random; once its hearing is
-- erased, nothing leads from these rows to anybody.

-- While a call lasts. Several processes hear the same measures; a minute is
-- written whole, so whoever writes it again writes the same.
create table hearing_quality_minutes (
    room text not null,
    seat_id text not null,
    role text not null,
    minute bigint not null,             -- since the epoch
    samples bigint not null,            -- measures, one every five seconds
    rtt_samples bigint not null,
    rtt_ms_sum bigint not null,
    rtt_ms_max bigint not null,
    loss_up_sum bigint not null,        -- in ten-thousandths
    loss_down_sum bigint not null,
    bits_up_sum bigint not null,        -- a second
    bits_down_sum bigint not null,
    primary key (room, seat_id, minute)
);

-- One row for each role, once the call is over.
create table hearing_quality (
    room text not null,
    role text not null,
    ended_day bigint not null,          -- since the epoch; the hour would say more than is needed
    connected_seconds bigint not null,
    rtt_ms bigint,                      -- means; none if never measured
    rtt_ms_max bigint not null,
    loss_up bigint not null,
    loss_down bigint not null,
    bits_up bigint not null,
    bits_down bigint not null,
    interruptions bigint not null,
    interrupted_ms bigint not null,
    reconnections bigint not null,
    moves bigint not null,              -- of the room to another media node
    primary key (room, role)
);
