-- Back-tests: what a setting would have done to alerts of the past; and the gate before the live
-- stream. The rules of columns are those of the first migration.

insert into numbers (name, last) values ('backtest', 0), ('gate_lift', 0);

-- One back-test. It is a job: waiting, claimed by one host at a time, ended in one way for good.
create table backtests (
    id bigint not null,
    filter_id bigint not null,
    -- The filter's owner, whose quota it counts against, and its stream: a host claims jobs of its
    -- own streams.
    owner_id bigint not null,
    stream text not null,
    setting bigint not null,
    -- The setting it is compared with; null: none.
    against bigint,
    -- What is read, as JSON: nights, a range of time, from where.
    source text not null,
    -- At most so many alerts are judged. While it waits or runs, so many count against the quota of
    -- the day.
    alerts bigint not null,
    -- queued, running, done, failed or cancelled.
    state text not null,
    -- Why it failed.
    reason text not null,
    -- 1: somebody asked for its end; whoever runs it sees that at the next save.
    cancel bigint not null,
    -- The process that runs it, and until when the others leave it alone.
    host text not null,
    lease_ms bigint not null,
    -- How often it was claimed since it last got on. A job that ends its host is not tried for ever.
    claims bigint not null,
    -- Alerts judged and passed, the part of the source that is read, the rest of the time where it
    -- can be told.
    judged bigint not null,
    passed bigint not null,
    fraction double precision not null,
    seconds_left double precision,
    -- Where to go on and what was found so far, as JSON; empty before the first save and after the
    -- end.
    checkpoint text not null,
    -- What was found, as JSON; empty before the end, and where newer ones have taken its room.
    result text not null,
    -- Null: the command line of a host.
    created_by bigint,
    created_ms bigint not null,
    started_ms bigint,
    ended_ms bigint,
    constraint backtests_pkey primary key (id),
    constraint backtests_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint backtests_owner_id_fkey foreign key (owner_id) references owners (id),
    constraint backtests_setting_fkey foreign key (setting) references settings (number),
    constraint backtests_created_by_fkey foreign key (created_by) references users (id),
    constraint backtests_cancel_check check (cancel in (0, 1))
);

create index backtests_filter_id on backtests (filter_id, id);
create index backtests_state on backtests (state, stream, id);
create index backtests_owner_id on backtests (owner_id, created_ms);
create index backtests_setting on backtests (setting, state, id);

-- The gate of one filter, lifted by an administrator: who, when, why; open while ended_ms is null.
create table gate_lifts (
    id bigint not null,
    filter_id bigint not null,
    reason text not null,
    -- Null: the command line of a host.
    lifted_by bigint,
    lifted_ms bigint not null,
    ended_by bigint,
    ended_ms bigint,
    constraint gate_lifts_pkey primary key (id),
    constraint gate_lifts_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint gate_lifts_lifted_by_fkey foreign key (lifted_by) references users (id),
    constraint gate_lifts_ended_by_fkey foreign key (ended_by) references users (id)
);

create index gate_lifts_filter_id on gate_lifts (filter_id, id);
