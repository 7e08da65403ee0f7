-- What of a filter's withheld alerts was read later, by night: it counts against the quotas of the night
-- as what went out does.
create table withheld_reads (
    filter_id bigint not null,
    night text not null,
    -- A cursor: what lies before it was counted and may be read again.
    reached text not null,
    alerts bigint not null,
    -- Bytes of payload.
    bytes bigint not null,
    read_ms bigint not null,
    constraint withheld_reads_pkey primary key (filter_id, night),
    constraint withheld_reads_filter_id_fkey foreign key (filter_id) references filters (id)
);
