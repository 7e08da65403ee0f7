-- People, what they may do and see, and what was done: groups, scopes, programmes, quotas, the
-- history of activations, the audit log.

insert into numbers (name, last) values ('audit', 0);

-- Owners that are collaborations: their members use the group's filters together.
create table user_groups (
    id bigint not null,
    summary text not null,
    constraint user_groups_pkey primary key (id),
    constraint user_groups_id_fkey foreign key (id) references owners (id)
);

create table members (
    group_id bigint not null,
    user_id bigint not null,
    -- member, or manager: who also says who is a member.
    role text not null,
    since_ms bigint not null,
    constraint members_pkey primary key (group_id, user_id),
    constraint members_group_id_fkey foreign key (group_id) references user_groups (id),
    constraint members_user_id_fkey foreign key (user_id) references users (id)
);

create index members_user_id on members (user_id);

-- Null: may sign in. A user is never deleted, for history names them.
alter table users add column disabled_ms bigint;

-- full, or read: changes nothing.
alter table tokens add column scope text not null default 'full';

-- private: the owner's alone. public: everybody reads what it is and what its cuts did.
alter table filters add column visibility text not null default 'private';
-- 1: where it is public, so are the bytes of its versions.
alter table filters add column open_bytes bigint not null default 0;
-- Raised with every change of what a client sees of the filter: its entity tag.
alter table filters add column revision bigint not null default 0;

create index filters_visibility on filters (visibility, id);

-- Which programmes of a stream's alerts a group may see besides the public ones.
create table programmes (
    group_id bigint not null,
    stream text not null,
    programme bigint not null,
    granted_by bigint,
    granted_ms bigint not null,
    constraint programmes_pkey primary key (group_id, stream, programme),
    constraint programmes_group_id_fkey foreign key (group_id) references user_groups (id),
    constraint programmes_granted_by_fkey foreign key (granted_by) references users (id)
);

-- What an administrator set in place of a quota's default, for a person or a group.
create table quotas (
    owner_id bigint not null,
    name text not null,
    value bigint not null,
    reason text not null,
    set_by bigint,
    set_ms bigint not null,
    constraint quotas_pkey primary key (owner_id, name),
    constraint quotas_owner_id_fkey foreign key (owner_id) references owners (id),
    constraint quotas_set_by_fkey foreign key (set_by) references users (id)
);

-- What an owner has used of a quota in a period (a day, UTC).
create table usage (
    owner_id bigint not null,
    name text not null,
    period text not null,
    used bigint not null,
    constraint usage_pkey primary key (owner_id, name, period),
    constraint usage_owner_id_fkey foreign key (owner_id) references owners (id)
);

-- Nights in which a limit kept alerts of a filter from going out, or from being judged.
create table withholdings (
    filter_id bigint not null,
    night text not null,
    -- The quota's name, or gate.
    quota text not null,
    first_ms bigint not null,
    last_ms bigint not null,
    constraint withholdings_pkey primary key (filter_id, night, quota),
    constraint withholdings_filter_id_fkey foreign key (filter_id) references filters (id)
);

-- Every change of what is switched on, in order: where a rollback finds what ran before.
create table activation_history (
    filter_id bigint not null,
    number bigint not null,
    -- activate, rollback, pause, resume, suspend, retire.
    action text not null,
    setting bigint not null,
    reason text not null,
    -- Null: the host itself.
    by_id bigint,
    at_ms bigint not null,
    constraint activation_history_pkey primary key (filter_id, number),
    constraint activation_history_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint activation_history_setting_fkey foreign key (setting) references settings (number),
    constraint activation_history_by_id_fkey foreign key (by_id) references users (id)
);

-- What was switched on before there was a history.
insert into activation_history (filter_id, number, action, setting, reason, by_id, at_ms)
select filter_id, 1, 'activate', setting, reason, null, since_ms from activations
where lane = 'main';

-- An activation that is to happen later; one per filter.
create table schedules (
    filter_id bigint not null,
    setting bigint not null,
    at_ms bigint not null,
    by_id bigint not null,
    made_ms bigint not null,
    constraint schedules_pkey primary key (filter_id),
    constraint schedules_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint schedules_setting_fkey foreign key (setting) references settings (number),
    constraint schedules_by_id_fkey foreign key (by_id) references users (id)
);

create index schedules_at_ms on schedules (at_ms);

-- What was done, by whom, to what. Rows are only added. It has no foreign keys, so that nothing
-- can stand in the way of a row, and names stay as they were.
create table audit (
    id bigint not null,
    at_ms bigint not null,
    -- Null: the host, or somebody on its command line.
    actor_id bigint,
    actor text not null,
    token_id bigint,
    -- filter.create, filter.activate, quota.set, user.create ...
    action text not null,
    -- Whose, where it is of somebody; 0 where it is of nobody.
    owner_id bigint not null,
    -- The filter; 0 where it is of none.
    filter_id bigint not null,
    -- What it was done to, as people name it.
    subject text not null,
    -- What there is to know, as JSON.
    detail text not null,
    constraint audit_pkey primary key (id)
);

create index audit_owner_id on audit (owner_id, id);
create index audit_filter_id on audit (filter_id, id);

-- Counts grow by what was skipped, and by what became of passing alerts; what was withheld stands
-- in night_outcomes by the quota, with the outcome withheld.
alter table night_counts add column skipped bigint not null default 0;
alter table night_counts add column bytes_out bigint not null default 0;
