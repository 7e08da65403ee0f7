//! Keys of creating requests: taken once, kept for a while, few per user.

use super::stage::Stage;
use crate::registry::{KeptAnswer, KeyedRequest, Known, OwnerId};

super::on_both_engines!(
    a_key_is_taken_once_and_its_answer_kept,
    a_key_that_was_let_go_is_free,
    users_do_not_meet_in_a_key,
    keys_end,
    a_dead_host_leaves_no_key_behind,
    the_oldest_give_way,
    two_hosts_take_a_key_once,
);

const DAY_MS: i64 = 86_400_000;

fn request(user: OwnerId, key: &str, digest: &str) -> KeyedRequest {
    KeyedRequest {
        user,
        key: key.to_owned(),
        digest: digest.to_owned(),
    }
}

fn answer(body: Option<&str>) -> KeptAnswer {
    KeptAnswer {
        status: 201,
        location: "/v1/filters/anna/nearby".to_owned(),
        etag: "\"1\"".to_owned(),
        body: body.map(str::to_owned),
    }
}

async fn take(stage: &Stage, request: &KeyedRequest) -> Known {
    stage.registry.take_key(request, DAY_MS).await.unwrap()
}

async fn a_key_is_taken_once_and_its_answer_kept(stage: &Stage) {
    let anna = stage.user("anna").await.id;
    let first = request(anna, "k", "one");
    assert_eq!(take(stage, &first).await, Known::Nothing);
    assert_eq!(take(stage, &first).await, Known::UnderWay);
    assert_eq!(
        take(stage, &request(anna, "k", "two")).await,
        Known::Another
    );
    stage
        .registry
        .keep_answer(&first, &answer(Some("{}")))
        .await
        .unwrap();
    assert_eq!(
        take(stage, &first).await,
        Known::Answered(answer(Some("{}")))
    );
    assert_eq!(
        take(stage, &request(anna, "k", "two")).await,
        Known::Another
    );
    // What was answered cannot be let go.
    stage.registry.release_key(&first).await.unwrap();
    assert_eq!(
        take(stage, &first).await,
        Known::Answered(answer(Some("{}")))
    );

    let secret = request(anna, "s", "one");
    take(stage, &secret).await;
    stage
        .registry
        .keep_answer(&secret, &answer(None))
        .await
        .unwrap();
    assert_eq!(take(stage, &secret).await, Known::Answered(answer(None)));
}

async fn a_key_that_was_let_go_is_free(stage: &Stage) {
    let anna = stage.user("anna").await.id;
    take(stage, &request(anna, "k", "one")).await;
    stage
        .registry
        .release_key(&request(anna, "k", "one"))
        .await
        .unwrap();
    assert_eq!(
        take(stage, &request(anna, "k", "two")).await,
        Known::Nothing
    );
}

async fn users_do_not_meet_in_a_key(stage: &Stage) {
    let (anna, berta) = (stage.user("anna").await.id, stage.user("berta").await.id);
    assert_eq!(
        take(stage, &request(anna, "k", "one")).await,
        Known::Nothing
    );
    assert_eq!(
        take(stage, &request(berta, "k", "two")).await,
        Known::Nothing
    );
}

async fn age(stage: &Stage, by_ms: i64) {
    let mut transaction = stage.registry.database.write().await.unwrap();
    sqlx::query("update kept_answers set created_ms = created_ms - $1")
        .bind(by_ms)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn rows(stage: &Stage) -> i64 {
    let mut connection = stage.registry.database.read().await.unwrap();
    sqlx::query_scalar("select count(*) from kept_answers")
        .fetch_one(&mut *connection)
        .await
        .unwrap()
}

async fn keys_end(stage: &Stage) {
    let (anna, berta) = (stage.user("anna").await.id, stage.user("berta").await.id);
    for key in ["a", "b", "c"] {
        let one = request(anna, key, "one");
        take(stage, &one).await;
        stage
            .registry
            .keep_answer(&one, &answer(Some("{}")))
            .await
            .unwrap();
    }
    age(stage, DAY_MS - 60_000).await;
    assert_eq!(
        take(stage, &request(anna, "a", "two")).await,
        Known::Another
    );
    age(stage, 120_000).await;
    // Anybody's request clears what is past its time.
    assert_eq!(
        take(stage, &request(berta, "z", "one")).await,
        Known::Nothing
    );
    assert_eq!(rows(stage).await, 1);
    assert_eq!(
        take(stage, &request(anna, "a", "two")).await,
        Known::Nothing
    );
}

async fn a_dead_host_leaves_no_key_behind(stage: &Stage) {
    let anna = stage.user("anna").await.id;
    let one = request(anna, "k", "one");
    take(stage, &one).await;
    age(stage, 540_000).await;
    assert_eq!(take(stage, &one).await, Known::UnderWay);
    age(stage, 120_000).await;
    assert_eq!(take(stage, &one).await, Known::Nothing);
}

async fn the_oldest_give_way(stage: &Stage) {
    let (anna, berta) = (stage.user("anna").await.id, stage.user("berta").await.id);
    take(stage, &request(berta, "k", "one")).await;
    let mut transaction = stage.registry.database.write().await.unwrap();
    for number in 0..1_000 {
        sqlx::query(
            "insert into kept_answers
                 (user_id, request_key, digest, created_ms, status, location, etag, body)
             values ($1, $2, 'one', $3, 201, '', '', '{}')",
        )
        .bind(anna.0)
        .bind(format!("k{number}"))
        .bind(crate::registry::now_ms() - 10_000 + number)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    transaction.commit().await.unwrap();
    for key in ["new", "newer", "newest"] {
        assert_eq!(
            take(stage, &request(anna, key, "one")).await,
            Known::Nothing
        );
        assert!(rows(stage).await <= 1_002);
    }
    assert_eq!(
        take(stage, &request(anna, "k999", "two")).await,
        Known::Another
    );
    assert_eq!(
        take(stage, &request(anna, "k0", "two")).await,
        Known::Nothing
    );
    assert_eq!(
        take(stage, &request(berta, "k", "two")).await,
        Known::Another
    );
}

async fn two_hosts_take_a_key_once(stage: &Stage) {
    let anna = stage.user("anna").await.id;
    let another = stage.another_host().await;
    for number in 0..20 {
        let one = request(anna, &format!("k{number}"), "one");
        let both = tokio::join!(
            stage.registry.take_key(&one, DAY_MS),
            another.take_key(&one, DAY_MS)
        );
        let mut both = [both.0.unwrap(), both.1.unwrap()];
        both.sort_by_key(|known| *known != Known::Nothing);
        assert_eq!(both, [Known::Nothing, Known::UnderWay]);
    }
    another.close().await;
}
