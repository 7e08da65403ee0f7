//! OpenID Connect: tokens of an issuer, made as Keycloak makes them, with keys of the test's own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::rand_core::OsRng;
use serde_json::{Value, json};

use super::stage::{Answer, Room, Stage, host};
use crate::api::{Issuer, Settings, oidc, router};
use crate::registry::{MemberRole, Role};

/// The issuer is asked no sooner again.
const FLOOR: Duration = Duration::from_millis(300);

/// A key of the issuer.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    private: EncodingKey,
}

fn rsa_key(bits: usize, id: &'static str) -> Key {
    let key = RsaPrivateKey::new(&mut OsRng, bits).unwrap();
    let der = key.to_pkcs1_der().unwrap();
    Key {
        id,
        algorithm: Algorithm::RS256,
        private: EncodingKey::from_rsa_der(der.as_bytes()),
    }
}

fn ec_key(id: &'static str) -> Key {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    Key {
        id,
        algorithm: Algorithm::ES256,
        private: EncodingKey::from_ec_der(&key.serialize_der()),
    }
}

/// Making an RSA key takes a moment; tests that do not care which share two.
static FIRST: LazyLock<Key> = LazyLock::new(|| rsa_key(2048, "first"));
static SECOND: LazyLock<Key> = LazyLock::new(|| rsa_key(2048, "second"));
static SHORT: LazyLock<Key> = LazyLock::new(|| rsa_key(1024, "short"));
static CURVE: LazyLock<Key> = LazyLock::new(|| ec_key("curve"));

impl Key {
    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk
    }
}

/// What the issuer answers.
#[derive(Default)]
struct Answers {
    keys: Mutex<Vec<Jwk>>,
    asked: AtomicUsize,
    is_away: AtomicBool,
    /// In place of its own address.
    says: Mutex<Option<Value>>,
}

/// An issuer on this machine, and a host that trusts it.
struct Scene {
    stage: Stage,
    issuer: String,
    answers: Arc<Answers>,
    router: Router,
}

impl Scene {
    async fn new(keys: &[&Key]) -> Self {
        Self::with(keys, |_| {}).await
    }

    async fn with(keys: &[&Key], change: impl FnOnce(&mut oidc::Settings)) -> Self {
        let answers = Arc::new(Answers::default());
        *answers.keys.lock().unwrap() = keys.iter().map(|key| key.public()).collect();
        let issuer = serve(answers.clone()).await;
        let mut settings: oidc::Settings =
            toml::from_str(&format!("issuer = {issuer:?}\naudience = \"skysieve\"")).unwrap();
        change(&mut settings);
        settings.check().unwrap();
        let stage = Stage::new().await;
        let trusted = Issuer::with_floor(&settings, FLOOR).unwrap();
        let room = Arc::new(Room::default());
        let host = host(Settings::default(), &stage.registry, room, Arc::default());
        let router = router(host.with_issuer(Some(trusted)));
        Self {
            stage,
            issuer,
            answers,
            router,
        }
    }

    /// What Keycloak writes into an access token.
    fn claims(&self) -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "exp": now + 300, "iat": now, "jti": "7d3c5a52-9a3c-4c2f-8a86-0f2f6f0e9a11",
            "iss": self.issuer, "aud": ["skysieve", "account"],
            "sub": "f:0b5e2c1e-5f0a-4a7a-9a41-8a1d1b5b3c77:anna", "typ": "Bearer", "azp": "skysieve-cli",
            "session_state": "b0d1f0c2-0000-4000-8000-000000000000", "acr": "1",
            "realm_access": {"roles": ["offline_access", "sn"]}, "groups": ["/sn", "/agn"],
            "scope": "openid email profile", "email_verified": true, "name": "Anna",
            "preferred_username": "anna", "email": "anna@example.org",
        })
    }

    async fn me(&self, token: &str) -> Answer {
        let request = axum::http::Request::builder().uri("/v1/me");
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        self.stage.send_to(&self.router, request).await
    }

    async fn come(&self, key: &Key, change: impl FnOnce(&mut Value)) -> Answer {
        let mut claims = self.claims();
        change(&mut claims);
        self.me(&signed(key, &claims)).await
    }

    fn asked(&self) -> usize {
        self.answers.asked.load(Ordering::SeqCst)
    }
}

async fn serve(answers: Arc<Answers>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}/realms/astro", listener.local_addr().unwrap());
    let (own, of_keys) = (issuer.clone(), answers.clone());
    let discovery = async move || {
        answers.asked.fetch_add(1, Ordering::SeqCst);
        if answers.is_away.load(Ordering::SeqCst) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let says = answers.says.lock().unwrap().clone();
        let keys = format!("{own}/protocol/openid-connect/certs");
        Ok(Json(says.unwrap_or_else(
            || json!({"issuer": own, "jwks_uri": keys}),
        )))
    };
    let keys = async move || {
        Json(JwkSet {
            keys: of_keys.keys.lock().unwrap().clone(),
        })
    };
    let router = Router::new()
        .route(
            "/realms/astro/.well-known/openid-configuration",
            get(discovery),
        )
        .route("/realms/astro/protocol/openid-connect/certs", get(keys));
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, router).await });
    issuer
}

fn signed(key: &Key, claims: &Value) -> String {
    let mut header = Header::new(key.algorithm);
    header.kid = Some(key.id.to_owned());
    encode(&header, claims, &key.private).unwrap()
}

fn refused(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, "unauthorized"),
        "{why}: {answer:?}"
    );
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains(why), "{detail:?} does not say {why:?}");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_token_of_the_issuer_is_its_user() {
    let scene = Scene::new(&[&FIRST, &CURVE]).await;
    for key in [&*FIRST, &*CURVE] {
        let me = scene.come(key, |_| {}).await;
        assert_eq!(me.status, 200, "{me:?}");
        assert_eq!(
            (&me.body["user"], &me.body["role"]),
            (&json!("anna"), &json!("scientist"))
        );
        assert!(me.body["token"]["expires"].is_string());
    }
    // The keys were fetched once, and tokens of this host go on.
    assert_eq!(scene.asked(), 1);
    let own = scene.stage.token(super::stage::Who::Owner).unwrap();
    assert_eq!(scene.me(own).await.body["user"], "anna");
    assert_eq!(scene.me("sksv_0000").await.status, 401);
}

#[tokio::test]
async fn every_claim_is_checked() {
    let scene = Scene::new(&[&FIRST]).await;
    let now = jsonwebtoken::get_current_timestamp();
    let check = async |change: &dyn Fn(&mut Value), why: &str| {
        let answer = scene.come(&FIRST, |claims| change(claims)).await;
        if why.is_empty() {
            assert_eq!(answer.status, 200, "{answer:?}");
        } else {
            refused(&answer, why);
        }
    };
    let cut = |name: &'static str| {
        move |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name))
    };
    let set =
        |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value.clone();
    check(&set("exp", json!(now - 61)), "it ended").await;
    check(&set("exp", json!(now - 30)), "").await;
    check(&set("exp", json!("never")), "cannot be read").await;
    check(&set("nbf", json!(now + 120)), "does not hold yet").await;
    check(&set("nbf", json!(now + 30)), "").await;
    check(&set("nbf", json!("soon")), "cannot be read").await;
    check(&set("aud", json!("another")), "another audience").await;
    check(&set("aud", json!(["account"])), "another audience").await;
    check(&set("aud", json!("skysieve")), "").await;
    check(
        &set("iss", json!("https://evil.example.org")),
        "another issuer",
    )
    .await;
    check(
        &set("iss", json!(format!("{}/", scene.issuer))),
        "another issuer",
    )
    .await;
    check(
        &set("iss", json!([scene.issuer, "https://evil.example.org"])),
        "cannot be read",
    )
    .await;
    for (claim, why) in [
        ("exp", "cannot be read"),
        ("aud", "lacks"),
        ("iss", "cannot be read"),
        ("sub", "cannot be read"),
    ] {
        check(&cut(claim), why).await;
    }
}

#[tokio::test]
async fn no_other_algorithm_and_no_other_key_will_do() {
    let scene = Scene::new(&[&FIRST, &CURVE, &SHORT]).await;
    let claims = scene.claims();
    let (header, payload) = {
        let token = signed(&FIRST, &claims);
        let mut parts = token.split('.').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap())
    };
    let b64 = |value: &Value| base64(value.to_string().as_bytes());
    // No signature at all.
    for name in ["none", "None", "NONE"] {
        let header = b64(&json!({"alg": name, "typ": "JWT", "kid": "first"}));
        refused(
            &scene.me(&format!("{header}.{payload}.")).await,
            "not valid",
        );
    }
    refused(
        &scene.me(&format!("{header}.{payload}.")).await,
        "not valid",
    );
    // The public key, which everybody has, as a shared secret.
    let jwk = serde_json::to_string(&FIRST.public()).unwrap();
    let modulus = serde_json::to_value(FIRST.public()).unwrap()["n"]
        .as_str()
        .unwrap()
        .to_owned();
    for secret in [jwk.as_bytes(), modulus.as_bytes()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            header.kid = Some("first".to_owned());
            let token = encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
            refused(&scene.me(&token).await, "algorithm");
        }
    }
    // Another algorithm with the right key; another key's algorithm; a short key.
    let mut other = Header::new(Algorithm::RS512);
    other.kid = Some("first".to_owned());
    refused(
        &scene
            .me(&encode(&other, &claims, &FIRST.private).unwrap())
            .await,
        "algorithm",
    );
    let mut other = Header::new(Algorithm::RS256);
    other.kid = Some("curve".to_owned());
    refused(
        &scene
            .me(&encode(&other, &claims, &FIRST.private).unwrap())
            .await,
        "algorithm",
    );
    refused(&scene.come(&SHORT, |_| {}).await, "key is not the issuer's");
    // A key of somebody else's under an id of the issuer's; one that the token brings along.
    let foreign = Key {
        id: "first",
        algorithm: Algorithm::RS256,
        private: SECOND.private.clone(),
    };
    refused(&scene.come(&foreign, |_| {}).await, "signature is wrong");
    let mut brought = Header::new(Algorithm::RS256);
    brought.kid = Some("first".to_owned());
    brought.jwk = Some(SECOND.public());
    brought.jku = Some("https://evil.example.org/keys".to_owned());
    refused(
        &scene
            .me(&encode(&brought, &claims, &SECOND.private).unwrap())
            .await,
        "signature is wrong",
    );
    // Other claims under the right signature.
    let token = signed(&FIRST, &claims);
    let signature = token.rsplit('.').next().unwrap();
    let mut other = claims.clone();
    other["preferred_username"] = json!("root");
    refused(
        &scene
            .me(&format!("{header}.{}.{signature}", b64(&other)))
            .await,
        "signature is wrong",
    );
    // No name of a key; another kind of token; what this host does not understand.
    let unnamed = Header::new(Algorithm::RS256);
    refused(
        &scene
            .me(&encode(&unnamed, &claims, &FIRST.private).unwrap())
            .await,
        "does not name its key",
    );
    for kind in ["logout+jwt", "application/logout+jwt", "secevent+jwt"] {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("first".to_owned());
        header.typ = Some(kind.to_owned());
        refused(
            &scene
                .me(&encode(&header, &claims, &FIRST.private).unwrap())
                .await,
            "another kind",
        );
    }
    for text in [
        "",
        "x",
        "a.b",
        "a.b.c.d",
        "....",
        &"x".repeat(20_000),
        &format!("{header}.{payload}.###"),
    ] {
        assert_eq!(scene.me(text).await.status, 401, "{text}");
    }
    assert_eq!(scene.me(&token).await.status, 200);
}

/// Without padding, for addresses.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = number << (8 * (3 - group.len()));
        for letter in 0..=group.len() {
            text.push(char::from(
                LETTERS[(number >> (18 - 6 * letter) & 63) as usize],
            ));
        }
    }
    text
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_cost_the_issuer_little() {
    let scene = Scene::new(&[&FIRST]).await;
    assert_eq!(scene.come(&FIRST, |_| {}).await.status, 200);
    scene.answers.keys.lock().unwrap().push(SECOND.public());
    // Whatever ids come, the issuer is asked once in a while.
    let begun = std::time::Instant::now();
    for number in 0..50 {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(format!("made-up-{number}"));
        let token = encode(&header, &scene.claims(), &SECOND.private).unwrap();
        refused(&scene.me(&token).await, "key is not the issuer's");
    }
    let most = 2 + begun.elapsed().as_millis() / FLOOR.as_millis();
    assert!(scene.asked() as u128 <= most, "{} of {most}", scene.asked());
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while scene.come(&SECOND, |_| {}).await.status != 200 {
        assert!(
            std::time::Instant::now() < end,
            "the new key was never found"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.come(&FIRST, |_| {}).await.status, 200);
}

#[tokio::test]
async fn while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_wait() {
    let scene = Scene::new(&[&FIRST]).await;
    scene.answers.is_away.store(true, Ordering::SeqCst);
    let answer = scene.come(&FIRST, |_| {}).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, "issuer_unavailable")
    );
    assert_eq!(answer.headers["retry-after"], "10");
    scene.answers.is_away.store(false, Ordering::SeqCst);
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while scene.come(&FIRST, |_| {}).await.status != 200 {
        assert!(
            std::time::Instant::now() < end,
            "the issuer never came back"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.answers.is_away.store(true, Ordering::SeqCst);
    assert_eq!(scene.come(&FIRST, |_| {}).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_is_not_itself_is_not_believed() {
    for says in [
        json!({"issuer": "https://evil.example.org", "jwks_uri": "https://evil.example.org/keys"}),
        json!({"issuer": "ISSUER", "jwks_uri": "file:///etc/passwd"}),
        json!({"issuer": "ISSUER", "jwks_uri": "http://192.0.2.1/keys"}),
        json!({"issuer": "ISSUER"}),
        json!({"padding": "x".repeat(300_000), "issuer": "ISSUER", "jwks_uri": "ISSUER/protocol/openid-connect/certs"}),
    ] {
        let scene = Scene::new(&[&FIRST]).await;
        let says = says.to_string().replace("ISSUER", &scene.issuer);
        *scene.answers.says.lock().unwrap() = Some(serde_json::from_str(&says).unwrap());
        let answer = scene.come(&FIRST, |_| {}).await;
        assert_eq!(answer.code(), "issuer_unavailable", "{answer:?}");
    }
}

#[tokio::test]
async fn whoever_has_no_user_is_refused_or_made_a_scientist() {
    let scene = Scene::new(&[&FIRST]).await;
    let carl = |claims: &mut Value| {
        claims["preferred_username"] = json!("Carl.Friedrich");
        claims["sub"] = json!("carl");
    };
    let answer = scene.come(&FIRST, carl).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"));
    let root = |claims: &mut Value| {
        claims["preferred_username"] = json!("root");
        claims["sub"] = json!("evil");
    };
    assert_eq!(scene.come(&FIRST, root).await.status, 403);

    let scene = Scene::with(&[&FIRST], |settings| settings.create_users = true).await;
    let me = scene.come(&FIRST, carl).await.body;
    assert_eq!(
        (&me["user"], &me["role"]),
        (&json!("carl-friedrich"), &json!("scientist"))
    );
    let near = |claims: &mut Value| {
        claims["preferred_username"] = json!("carl friedrich");
        claims["sub"] = json!("another-carl");
    };
    assert_eq!(scene.come(&FIRST, near).await.status, 403);
    assert_eq!(scene.come(&FIRST, root).await.status, 403);
    let user = scene
        .stage
        .registry
        .registry
        .user("root")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(user.role, Role::Administrator);
}

#[tokio::test]
async fn the_name_comes_from_the_claim_that_is_set() {
    let scene = Scene::with(&[&FIRST], |settings| {
        settings.user_claim = "email".to_owned();
        settings.create_users = true;
    })
    .await;
    assert_eq!(
        scene.come(&FIRST, |_| {}).await.body["user"],
        "anna-example-org"
    );
    refused(
        &scene
            .come(&FIRST, |claims| claims["email_verified"] = json!(false))
            .await,
        "verified",
    );
    refused(
        &scene
            .come(&FIRST, |claims| claims["email_verified"] = json!("true"))
            .await,
        "verified",
    );
    refused(
        &scene
            .come(&FIRST, |claims| claims["email"] = json!(["anna"]))
            .await,
        "no claim `email`",
    );
    refused(
        &scene
            .come(&FIRST, |claims| claims["email"] = json!("…"))
            .await,
        "cannot be a user's name",
    );
}

#[tokio::test]
async fn groups_of_the_issuer_are_followed_where_that_is_set() {
    let scene = Scene::with(&[&FIRST], |settings| {
        settings.groups_claim = Some("groups".to_owned())
    })
    .await;
    let registry = &scene.stage.registry.registry;
    let by = crate::registry::By::host();
    for group in ["sn", "stars"] {
        let group = crate::registry::Name::parse(group).unwrap();
        registry.create_group(&group, "", &by).await.unwrap();
    }
    assert_eq!(scene.come(&FIRST, |_| {}).await.status, 200);
    let sn = registry.group("sn").await.unwrap();
    let members = registry.members(sn.id).await.unwrap();
    assert_eq!(
        (members[0].user.as_str(), members[0].role),
        ("anna", MemberRole::Member)
    );
    scene
        .come(&FIRST, |claims| claims["groups"] = json!(["/stars"]))
        .await;
    assert!(registry.members(sn.id).await.unwrap().is_empty());

    let nested = "realm_access.roles".to_owned();
    let scene = Scene::with(&[&FIRST], |settings| settings.groups_claim = Some(nested)).await;
    let registry = &scene.stage.registry.registry;
    let sn = registry
        .create_group(&crate::registry::Name::parse("sn").unwrap(), "", &by)
        .await
        .unwrap();
    scene.come(&FIRST, |_| {}).await;
    assert_eq!(registry.members(sn.id).await.unwrap().len(), 1);
}

#[test]
fn settings_are_checked() {
    let check = |text: &str, expected: &str| {
        let settings: Result<oidc::Settings, _> = toml::from_str(text);
        let found = match settings {
            Ok(settings) => settings.check().err().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        assert!(
            if expected.is_empty() {
                found.is_empty()
            } else {
                found.contains(expected)
            },
            "{text}: {found}"
        );
    };
    for good in [
        "https://sso.example.org/realms/astro",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/x",
        "http://localhost",
    ] {
        check(&format!("issuer = {good:?}\naudience = \"skysieve\""), "");
    }
    for bad in [
        "http://sso.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org",
        "http://127.0.0.1@example.org/",
        "ftp://x",
        "https://",
        "",
    ] {
        check(
            &format!("issuer = {bad:?}\naudience = \"skysieve\""),
            "api.oidc.issuer",
        );
    }
    check("issuer = \"https://x\"\naudience = \"\"", "audience");
    check("issuer = \"https://x\"", "audience");
    check(
        "issuer = \"https://x\"\naudience = \"a\"\nclient_secret = \"b\"",
        "client_secret",
    );
}
