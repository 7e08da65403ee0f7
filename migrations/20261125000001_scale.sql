-- Listings of large registries: what may be asked for has an index in the order in which it is shown.

-- The audit log by what was done.
create index audit_action on audit (action, id);
create index audit_owner_action on audit (owner_id, action, id);

-- Filters of a stream, newest first; the index of the stream alone is part of it.
drop index filters_stream;
create index filters_stream_id on filters (stream, id);

-- Which settings of a filter judged alerts of which night. Counts and costs are kept by setting; a filter
-- may have thousands of settings, few of which ever judged an alert.
create table filter_nights (
    filter_id bigint not null,
    night text not null,
    setting bigint not null,
    constraint filter_nights_pkey primary key (filter_id, night, setting),
    constraint filter_nights_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint filter_nights_setting_fkey foreign key (setting) references settings (number)
);

insert into filter_nights (filter_id, night, setting)
select s.filter_id, n.night, n.setting
from (select setting, night from night_counts union select setting, night from night_costs) n
join settings s on s.number = n.setting;

-- Causes of failure are told beside what their version judged.
create index settings_version on settings (filter_id, version);
