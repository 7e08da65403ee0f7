-- Answers to creating requests that named an Idempotency-Key: the same request again gets the same
-- answer. Rows live for a day or so and are few per user; nothing else stands on them.
create table kept_answers (
    user_id bigint not null,
    -- The key that the client chose.
    request_key text not null,
    -- SHA-256 of method, path and body: the same key may not stand for another request.
    digest text not null,
    created_ms bigint not null,
    -- Null: the request is under way.
    status bigint,
    -- Where the thing stands that was made; empty where the answer did not say.
    location text not null,
    etag text not null,
    -- The answer's JSON; empty where it held a secret and was not kept.
    body text not null,
    constraint kept_answers_pkey primary key (user_id, request_key),
    constraint kept_answers_user_id_fkey foreign key (user_id) references users (id)
);

create index kept_answers_created_ms on kept_answers (created_ms);
create index kept_answers_user_id on kept_answers (user_id, created_ms);
