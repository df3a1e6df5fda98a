//! Tokens that are signed with a key of a pair: rotation, an issuer that is away, and those who make up names of keys.

use std::time::{Duration, Instant};

use black_box::{Deployment, Signed, run, turn};
use devstack::functions::Host;
use devstack::issuer::{Fault, Issuer, Key};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::claims;

/// Without a key the issuer is asked once in two seconds.
const PATIENCE: Duration = Duration::from_secs(20);

async fn start(host: Host, issuer: &Issuer, secret: bool) -> Deployment {
    Deployment::start(host, |settings| {
        let url = issuer.jwks_url();
        settings.env.insert("SUPABASE_JWKS_URL".to_owned(), url);
        if !secret {
            let name = "SUPABASE_JWT_SECRET".to_owned();
            settings.env.insert(name, String::new());
        }
    })
    .await
}

fn token(key: &Key) -> String {
    key.sign(&claims(json!({}))).unwrap()
}

/// What comes of asking for one's sessions.
async fn status(deployment: &Deployment, token: &str) -> u16 {
    let client = deployment.as_nobody().with_token(token);
    let reply = client.get("/api/sessions").await;
    match reply.status {
        200 => reply.is(200),
        401 => reply.is_problem(401, "unauthorized"),
        _ => {
            reply.is_problem(503, "unavailable");
            assert_eq!(reply.header("retry-after"), "2", "{reply:?}");
        }
    }
    reply.status
}

#[test]
fn users_and_servers_come_with_tokens_of_any_key_and_without_a_shared_secret() {
    run(async {
        let keys = [
            Key::es256("es").unwrap(),
            Key::rs256("rs", 2048).unwrap(),
            Key::eddsa("ed").unwrap(),
        ];
        let issuer = Issuer::start().await.unwrap();
        issuer.publish(&keys.each_ref());
        for host in Host::ALL {
            let deployment = start(host, &issuer, false).await;
            let user = Uuid::new_v4();
            for (n, key) in keys.iter().enumerate() {
                let token = key.sign(&claims(json!({ "sub": user }))).unwrap();
                let client = deployment.as_nobody().with_token(token);
                client.record("s", &[turn(&n.to_string(), "tea")]).await;
            }
            let service = claims(json!({ "role": "service_role", "sub": null, "aud": null }));
            let server = deployment
                .as_nobody()
                .with_token(keys[0].sign(&service).unwrap())
                .with("x-memory-user", user.to_string());
            let reply = server.get("/api/sessions/s").await;
            reply.is(200);
            assert_eq!(reply.each("turns", "id"), ["0", "1", "2"]);
            // Nobody holds a secret that is not there.
            let reply = deployment.as_user(user).get("/api/sessions").await;
            reply.is_problem(401, "unauthorized");
            let empty = devstack::stack::tokens::sign("", &service, jsonwebtoken::Algorithm::HS256);
            assert_eq!(status(&deployment, &empty.unwrap()).await, 401);
        }
    });
}

#[test]
fn a_new_key_counts_at_once_and_the_old_one_beside_it() {
    run(async {
        for host in Host::ALL {
            let (old, new) = (Key::es256("old").unwrap(), Key::es256("new").unwrap());
            let issuer = Issuer::start().await.unwrap();
            issuer.publish(&[&old]);
            let deployment = start(host, &issuer, true).await;
            assert_eq!(status(&deployment, &token(&old)).await, 200);
            assert_eq!(status(&deployment, &token(&new)).await, 401);
            issuer.publish(&[&new, &old]);
            assert_eq!(status(&deployment, &token(&new)).await, 200);
            assert_eq!(status(&deployment, &token(&old)).await, 200);
            deployment.as_somebody().get("/api/sessions").await.is(200);
        }
    });
}

#[test]
fn who_delivers_a_job_has_no_token_and_nobody_asks_for_keys() {
    run(async {
        for host in Host::ALL {
            let key = Key::eddsa("a").unwrap();
            let issuer = Issuer::start().await.unwrap();
            issuer.publish(&[&key]);
            let deployment = start(host, &issuer, false).await;
            let before = issuer.fetches();
            Signed::new(&deployment, "sweep", "{}").send().await.is(200);
            assert_eq!(issuer.fetches(), before);
            // pg_cron has one, and is let in by it.
            let service = claims(json!({ "role": "service_role", "sub": null, "aud": null }));
            let clock = deployment
                .as_nobody()
                .with_token(key.sign(&service).unwrap());
            clock.post("/api/jobs/sweep", json!({})).await.is(200);
            assert_eq!(issuer.fetches(), before + 1);
        }
    });
}

#[test]
fn while_the_issuer_is_away_known_keys_count_and_others_do_not() {
    run(async {
        for host in Host::ALL {
            let (known, other) = (Key::eddsa("known").unwrap(), Key::eddsa("other").unwrap());
            let issuer = Issuer::start().await.unwrap();
            issuer.publish(&[&known]);
            let deployment = start(host, &issuer, true).await;
            assert_eq!(status(&deployment, &token(&known)).await, 200);
            issuer.publish(&[&known, &other]);
            issuer.fail_with(Some(Fault::Status(503)));
            for _ in 0..10 {
                assert_eq!(status(&deployment, &token(&known)).await, 200);
                assert_eq!(status(&deployment, &token(&other)).await, 401);
            }
        }
    });
}

#[test]
fn while_no_key_was_ever_had_nobody_can_tell_and_then_all_is_well() {
    run(join_all(Host::ALL.map(never_had_a_key)));
}

async fn never_had_a_key(host: Host) {
    let key = Key::es256("a").unwrap();
    let (issuer, elsewhere) = tokio::join!(Issuer::start(), Issuer::start());
    let (issuer, elsewhere) = (issuer.unwrap(), elsewhere.unwrap());
    issuer.publish(&[&key]);
    elsewhere.publish(&[&key]);
    issuer.fail_with(Some(Fault::Hang));
    let deployment = start(host, &issuer, true).await;
    for fault in [
        Fault::Hang,
        Fault::Status(500),
        Fault::Text("<html>Sign in to the hotel</html>".to_owned()),
        Fault::Redirect(elsewhere.jwks_url()),
        Fault::Endless,
    ] {
        issuer.fail_with(Some(fault.clone()));
        let (before, start) = (issuer.fetches(), Instant::now());
        while issuer.fetches() == before {
            assert_eq!(status(&deployment, &token(&key)).await, 503, "{fault:?}");
            assert!(start.elapsed() < PATIENCE, "{fault:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(status(&deployment, &token(&key)).await, 503, "{fault:?}");
        // Whoever needs none of its keys is not concerned.
        assert_eq!(status(&deployment, "not.a.token").await, 401);
        deployment.as_somebody().get("/api/sessions").await.is(200);
    }
    assert_eq!(elsewhere.fetches(), 0, "redirects are not followed");
    issuer.fail_with(None);
    let start = Instant::now();
    while status(&deployment, &token(&key)).await != 200 {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn made_up_names_of_keys_do_not_hammer_the_issuer() {
    run(async {
        // The emulator of the second host takes one request at a time.
        for (host, tokens) in [(Host::Vercel, 10_000), (Host::Lambda, 1_000)] {
            let (key, forger) = (Key::es256("a").unwrap(), Key::eddsa("b").unwrap());
            let issuer = Issuer::start().await.unwrap();
            issuer.publish(&[&key]);
            let deployment = start(host, &issuer, true).await;
            assert_eq!(status(&deployment, &token(&key)).await, 200);
            let (before, start) = (issuer.fetches(), Instant::now());
            let body = claims(json!({})).to_string();
            futures_util::stream::iter(0..tokens)
                .map(|n| {
                    let header = json!({ "alg": "EdDSA", "kid": format!("junk {n}") });
                    let token = forger.sign_under(&header, &body).unwrap();
                    let deployment = &deployment;
                    async move { assert_eq!(status(deployment, &token).await, 401) }
                })
                .buffer_unordered(16)
                .collect::<Vec<_>>()
                .await;
            let asked = issuer.fetches() - before;
            // The other functions of the deployment may still have been starting.
            let most = 2 + start.elapsed().as_secs() / 30 + 9;
            eprintln!(
                "{tokens} tokens in {:?}: asked {asked} times",
                start.elapsed()
            );
            assert!(asked as u64 <= most, "asked {asked} times");
            assert_eq!(status(&deployment, &token(&key)).await, 200);
        }
    });
}
