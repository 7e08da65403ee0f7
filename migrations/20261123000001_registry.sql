-- The registry: who owns which filter, what was uploaded, what is active, and what it counted.
--
-- One text for SQLite and PostgreSQL, so:
--   * columns are text, bigint, double precision or bytea, nothing else;
--   * instants are bigint milliseconds since the Unix epoch and end in _ms;
--   * ids are numbers that we make ourselves (table numbers), never the engine's;
--   * documents (descriptions, trials, parameters) are JSON in text, read by the program alone;
--   * a word from a list that will grow has no check, for SQLite cannot change one: the program's
--     types are that check.
-- An applied migration is never edited; the next one says what changes.

-- The last number given out, by what it numbers.
create table numbers (
    name text not null,
    last bigint not null,
    constraint numbers_pkey primary key (name)
);

insert into numbers (name, last) values ('owner', 0), ('token', 0), ('filter', 0), ('setting', 0);

-- Raised in the same transaction as any change of what is active. Workers poll it.
create table generation (
    id bigint not null,
    number bigint not null,
    constraint generation_pkey primary key (id),
    constraint generation_one_row check (id = 1)
);

insert into generation (id, number) values (1, 0);

-- Whoever may own filters: people now, groups next. One table, because topics carry the owner's
-- name, so a person and a group must never share one.
create table owners (
    id bigint not null,
    name text not null,
    kind text not null,
    created_ms bigint not null,
    constraint owners_pkey primary key (id),
    constraint owners_name_key unique (name)
);

-- The owners that are people.
create table users (
    id bigint not null,
    role text not null,
    constraint users_pkey primary key (id),
    constraint users_id_fkey foreign key (id) references owners (id)
);

-- Bearer tokens. Only the SHA-256 of a token is kept: who reads this table can sign in as nobody.
create table tokens (
    id bigint not null,
    user_id bigint not null,
    name text not null,
    hash text not null,
    created_ms bigint not null,
    -- Null: does not expire.
    expires_ms bigint,
    revoked_ms bigint,
    -- To the minute, to spare a write per request.
    last_used_ms bigint,
    constraint tokens_pkey primary key (id),
    constraint tokens_hash_key unique (hash),
    constraint tokens_user_id_fkey foreign key (user_id) references users (id)
);

create index tokens_user_id on tokens (user_id);

-- A filter: a name under which versions are uploaded, bound to one stream and one output topic.
-- A deleted filter keeps its row, its history and its name, for its topic still holds its alerts
-- and must never carry another filter's.
create table filters (
    id bigint not null,
    owner_id bigint not null,
    name text not null,
    stream text not null,
    topic text not null,
    summary text not null,
    -- How many versions there are, and the number of the last.
    versions bigint not null,
    created_ms bigint not null,
    updated_ms bigint not null,
    deleted_ms bigint,
    constraint filters_pkey primary key (id),
    constraint filters_owner_id_name_key unique (owner_id, name),
    constraint filters_topic_key unique (topic),
    constraint filters_owner_id_fkey foreign key (owner_id) references owners (id)
);

create index filters_stream on filters (stream);

-- Uploaded programs by the SHA-256 of the uploaded bytes; the same bytes are stored once.
create table components (
    digest text not null,
    -- The component that runs: the upload itself, or the upload wrapped as a component.
    wasm bytea not null,
    created_ms bigint not null,
    constraint components_pkey primary key (digest)
);

-- Versions of a filter, numbered from 1, never changed.
create table versions (
    filter_id bigint not null,
    number bigint not null,
    digest text not null,
    -- What the filter says of itself, and the title of it for lists.
    description text not null,
    title text not null,
    -- What the trial on sample alerts gave.
    trial text not null,
    notes text not null,
    -- Link to the source code; empty where none was given.
    source text not null,
    created_by bigint not null,
    created_ms bigint not null,
    constraint versions_pkey primary key (filter_id, number),
    constraint versions_filter_id_digest_key unique (filter_id, digest),
    constraint versions_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint versions_digest_fkey foreign key (digest) references components (digest),
    constraint versions_created_by_fkey foreign key (created_by) references users (id)
);

-- A setting is what can be active: version, parameters and payload choice, under a number that is
-- unique in the whole registry and never changes its meaning. Counts and outputs carry it.
create table settings (
    number bigint not null,
    filter_id bigint not null,
    version bigint not null,
    -- Every declared parameter with its value, defaults written out.
    parameters text not null,
    payload text not null,
    -- SHA-256 of version, parameters and payload: the same choice is the same setting.
    digest text not null,
    created_by bigint not null,
    created_ms bigint not null,
    constraint settings_pkey primary key (number),
    constraint settings_filter_id_digest_key unique (filter_id, digest),
    constraint settings_version_fkey foreign key (filter_id, version)
        references versions (filter_id, number),
    constraint settings_created_by_fkey foreign key (created_by) references users (id)
);

create index settings_filter_id on settings (filter_id, number);

-- At most one setting of a filter is switched on in each lane.
create table activations (
    filter_id bigint not null,
    lane text not null,
    setting bigint not null,
    -- active, paused (by its owner) or suspended (by the host, with the reason).
    state text not null,
    reason text not null,
    since_ms bigint not null,
    constraint activations_pkey primary key (filter_id, lane),
    constraint activations_filter_id_fkey foreign key (filter_id) references filters (id),
    constraint activations_setting_fkey foreign key (setting) references settings (number)
);

-- How far each log of counts has been added up.
create table folded (
    log text not null,
    sequence bigint not null,
    constraint folded_pkey primary key (log)
);

-- What a setting did to the alerts of a night. The setting is no foreign key: a log may name
-- settings of a registry that was since restored from a backup, and must still be read on.
create table night_counts (
    setting bigint not null,
    night text not null,
    evaluated bigint not null,
    passed bigint not null,
    lacking bigint not null,
    fuel bigint not null,
    elapsed_ns bigint not null,
    constraint night_counts_pkey primary key (setting, night)
);

-- The rows of the cut-flow: alerts rejected by the name of the reason, failed by the kind.
create table night_outcomes (
    setting bigint not null,
    night text not null,
    -- rejected or failed.
    outcome text not null,
    name text not null,
    alerts bigint not null,
    constraint night_outcomes_pkey primary key (setting, night, outcome, name)
);
