-- What hosts noted of the alerts that filters judged, for their owners: log lines, causes of failure,
-- costs, the last alert. All of it is bounded and may be lost with the host that has not written it
-- yet; counts that must be right are elsewhere (night_counts).

-- How far each writer (a stream of a running host) has come, so that notes whose acknowledgement was
-- lost are not added twice.
create table noted (
    writer text not null,
    sequence bigint not null,
    at_ms bigint not null,
    constraint noted_pkey primary key (writer)
);

-- Lines that filters logged, numbered from 1 within the filter; the oldest are deleted.
create table log_lines (
    filter_id bigint not null,
    number bigint not null,
    at_ms bigint not null,
    night text not null,
    -- 0 debug, 1 info, 2 warning, 3 error.
    level bigint not null,
    setting bigint not null,
    version bigint not null,
    -- Empty where the line is about none.
    alert_id text not null,
    message text not null,
    constraint log_lines_pkey primary key (filter_id, number),
    constraint log_lines_filter_id_fkey foreign key (filter_id) references filters (id)
);

create index log_lines_at_ms on log_lines (at_ms);

-- The number of the last line of each filter.
create table log_numbers (
    filter_id bigint not null,
    last bigint not null,
    constraint log_numbers_pkey primary key (filter_id),
    constraint log_numbers_filter_id_fkey foreign key (filter_id) references filters (id)
);

-- What was logged in a night, against what may be; lines beyond it were dropped.
create table log_nights (
    filter_id bigint not null,
    night text not null,
    lines bigint not null,
    bytes bigint not null,
    dropped bigint not null,
    at_ms bigint not null,
    constraint log_nights_pkey primary key (filter_id, night),
    constraint log_nights_filter_id_fkey foreign key (filter_id) references filters (id)
);

-- Causes of failure: what failures of a version have in common, with the first alert as example.
create table causes (
    filter_id bigint not null,
    -- Of version, kind and place.
    id text not null,
    version bigint not null,
    kind text not null,
    place text not null,
    alerts bigint not null,
    first_ms bigint not null,
    last_ms bigint not null,
    -- The latest night in which it happened, and to how many alerts then.
    night text not null,
    night_alerts bigint not null,
    -- Of the example.
    message text not null,
    alert_id text not null,
    object_id text not null,
    example_night text not null,
    setting bigint not null,
    source_topic text not null,
    source_partition bigint not null,
    source_offset bigint not null,
    record bigint not null,
    -- Empty where it is not kept.
    packet bytea not null,
    constraint causes_pkey primary key (filter_id, id),
    constraint causes_filter_id_fkey foreign key (filter_id) references filters (id)
);

create index causes_last_ms on causes (last_ms);

-- How many alerts of a night cost how much: fuel, or time_ns in the sandbox, in bins an eighth of an
-- octave wide.
create table night_costs (
    setting bigint not null,
    night text not null,
    cost text not null,
    bin bigint not null,
    alerts bigint not null,
    at_ms bigint not null,
    constraint night_costs_pkey primary key (setting, night, cost, bin)
);

create index night_costs_at_ms on night_costs (at_ms);

-- The last alert that a setting judged, on any host.
create table last_alerts (
    setting bigint not null,
    at_ms bigint not null,
    alert_id text not null,
    object_id text not null,
    night text not null,
    constraint last_alerts_pkey primary key (setting)
);
