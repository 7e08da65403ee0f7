-- Notices: what owners are told of their filters, where to, and what has become of it.
--
-- The rules of the first migration hold (one text for both engines, instants in milliseconds).

insert into numbers (name, last) values ('notice', 0), ('notice_target', 0);

-- Where an owner wants to be told: the address of a webhook, or an e-mail address.
create table notice_targets (
    id bigint not null,
    owner_id bigint not null,
    -- webhook or email.
    medium text not null,
    address text not null,
    -- A webhook's: what its notices are signed with. It cannot be kept as a hash, for the host signs
    -- with it; whoever reads this table can sign in the host's name, to that one receiver.
    -- An e-mail address's: the code that only its reader knows.
    secret text not null,
    -- Which kinds it is told, a JSON list; an empty list stands for all.
    kinds text not null,
    -- When it proved that it listens: a webhook by a delivery, an e-mail address by its code.
    confirmed_ms bigint,
    -- When the host stopped trying, and why; null where it has not.
    failed_ms bigint,
    reason text not null,
    -- Deliveries given up since the last that succeeded.
    given_up bigint not null,
    created_ms bigint not null,
    constraint notice_targets_pkey primary key (id),
    constraint notice_targets_owner_id_address_key unique (owner_id, address),
    constraint notice_targets_owner_id_fkey foreign key (owner_id) references owners (id)
);

-- What happened, once, whoever is told. Written in the transaction of what happened.
create table notices (
    id bigint not null,
    owner_id bigint not null,
    -- Null: about the owner, not about one filter.
    filter_id bigint,
    -- A word such as filter.suspended: the program's types are the check.
    kind text not null,
    -- For people.
    text text not null,
    -- For programs: JSON.
    document text not null,
    created_ms bigint not null,
    constraint notices_pkey primary key (id),
    constraint notices_owner_id_fkey foreign key (owner_id) references owners (id),
    constraint notices_filter_id_fkey foreign key (filter_id) references filters (id)
);

create index notices_owner_id on notices (owner_id, id);
create index notices_created_ms on notices (created_ms);

-- One notice on its way to one target.
create table notice_deliveries (
    notice_id bigint not null,
    target_id bigint not null,
    -- waiting, delivered or given_up.
    state text not null,
    -- Attempts begun. Also the fence: who began an earlier one can no longer say how it ended.
    tries bigint not null,
    -- Not before.
    next_ms bigint not null,
    -- While a host attempts it; 0 else. A host that dies leaves it to the others at this instant.
    leased_until_ms bigint not null,
    -- Why the last attempt failed; empty where none did.
    reason text not null,
    ended_ms bigint,
    constraint notice_deliveries_pkey primary key (notice_id, target_id),
    -- The target is no foreign key: an event must not fail because a target goes at that moment.
    constraint notice_deliveries_notice_id_fkey foreign key (notice_id) references notices (id)
);

create index notice_deliveries_waiting on notice_deliveries (next_ms) where state = 'waiting';
create index notice_deliveries_target_id on notice_deliveries (target_id) where state = 'waiting';

-- When a subject was last told: of what keeps happening, one notice in a while is enough.
create table notice_marks (
    subject text not null,
    last_ms bigint not null,
    constraint notice_marks_pkey primary key (subject)
);

create index notice_marks_last_ms on notice_marks (last_ms);
