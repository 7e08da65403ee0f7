-- People who sign in at an OpenID Connect issuer. The issuer's own name of somebody never changes and
-- is never given again; a user name may be. So a user is bound to the subject who first came as them.
create table identities (
    issuer text not null,
    subject text not null,
    user_id bigint not null,
    since_ms bigint not null,
    constraint identities_pkey primary key (issuer, subject),
    constraint identities_user_id_key unique (user_id, issuer),
    constraint identities_user_id_fkey foreign key (user_id) references users (id)
);

-- 1: a member because the issuer says so, and for as long as it does.
alter table members add column by_issuer bigint not null default 0;
