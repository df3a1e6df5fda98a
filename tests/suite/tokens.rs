//! Who may call, and as whom.

mod forged;
mod issuer;
mod spoilt;

use std::time::{SystemTime, UNIX_EPOCH};

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, sign, turn};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use uuid::Uuid;

const USER: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

/// The claims of a good token, with changes; null removes one.
pub(crate) fn claims(changes: Value) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({
        "sub": USER, "role": "authenticated", "aud": "authenticated", "iat": now, "exp": now + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = match name.as_str() {
            // Relative, since it is written down before it is known when.
            "exp" | "nbf" if value.is_i64() => {
                json!(now.saturating_add_signed(value.as_i64().unwrap()))
            }
            _ => value.clone(),
        };
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn token(changes: Value) -> String {
    sign(&claims(changes), Algorithm::HS256)
}

fn with(name: &str, token: &str) -> Case {
    Case::get(name, "/api/sessions").token(token)
}

#[test]
fn only_a_good_token_of_a_signed_in_user_is_accepted() {
    let good = token(json!({}));
    let (head, rest) = good.split_once('.').unwrap();
    let (body, _) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
    let foreign =
        devstack::stack::tokens::sign("another secret", &claims(json!({})), Algorithm::HS256);
    let refused = |name: &str, token: &str| with(name, token).is_refused(401, "unauthorized");
    let claimed = |name: &str, changes| refused(name, &token(changes));
    cases::hold([
        with("good", &good),
        with(
            "with more claims, as Supabase sends them",
            &token(json!({
                "email": "a@example.com", "session_id": USER, "aal": "aal1", "is_anonymous": false,
            })),
        ),
        Case::get("none", "/api/sessions")
            .without_token()
            .is_refused(401, "unauthorized"),
        Case::get("another scheme", "/api/sessions")
            .without_token()
            .header("authorization", format!("Basic {good}"))
            .is_refused(401, "unauthorized"),
        refused("not one", "not.a.token"),
        refused("empty", ""),
        refused("signed by somebody else", &foreign.unwrap()),
        refused("not signed", &none),
        refused("the signature cut off", &format!("{head}.{body}.")),
        refused(
            "another algorithm",
            &sign(&claims(json!({})), Algorithm::HS512),
        ),
        claimed("expired", json!({ "exp": -60 })),
        claimed("for ever", json!({ "exp": null })),
        claimed("not valid yet", json!({ "nbf": 600 })),
        claimed("another audience", json!({ "aud": "else" })),
        claimed("no audience", json!({ "aud": null })),
        claimed("nobody", json!({ "sub": null })),
        claimed("a user who is no UUID", json!({ "sub": "me" })),
        claimed("an anonymous user", json!({ "is_anonymous": true })),
        claimed("the anonymous role", json!({ "role": "anon", "sub": null })),
        claimed("no role", json!({ "role": null })),
        claimed("a database role", json!({ "role": "postgres" })),
        refused("the service role for nobody", &service()),
        with("the service role for somebody who is no UUID", &service())
            .header("x-memory-user", "me")
            .is_refused(401, "unauthorized"),
        with("the service role for a user", &service()).header("x-memory-user", USER),
        with(
            "the service role, expired",
            &token(json!({ "role": "service_role", "exp": -60 })),
        )
        .header("x-memory-user", USER)
        .is_refused(401, "unauthorized"),
        Case::post("a refused token before a bad body", "/api/turns", json!({}))
            .token("not.a.token")
            .is_refused(401, "unauthorized"),
    ]);
}

#[test]
fn two_tokens_are_none() {
    // API Gateway joins the two headers into one, so the words of the refusal differ.
    on_both_hosts(async |deployment| {
        let good = token(json!({}));
        let client = deployment.as_nobody().with_token(&good).with_token(&good);
        client
            .get("/api/sessions")
            .await
            .is_problem(401, "unauthorized");
    });
}

fn service() -> String {
    token(json!({ "role": "service_role", "sub": null, "aud": null, "iss": "supabase" }))
}

#[test]
fn the_service_role_acts_as_the_user_that_it_names() {
    on_both_hosts(async |deployment| {
        let (ann, ben) = (Uuid::new_v4(), Uuid::new_v4());
        let server = |user: Uuid| {
            deployment
                .as_service()
                .with("x-memory-user", user.to_string())
        };
        server(ann).record("s", &[turn("1", "x")]).await;
        deployment.as_user(ann).get("/api/sessions/s").await.is(200);
        server(ann).get("/api/sessions/s").await.is(200);
        server(ben)
            .get("/api/sessions/s")
            .await
            .is_problem(404, "not_found");
    });
}

#[test]
fn a_user_cannot_act_for_another_by_the_servers_header() {
    on_both_hosts(async |deployment| {
        let (ann, ben) = (Uuid::new_v4(), Uuid::new_v4());
        deployment.as_user(ann).record("s", &[turn("1", "x")]).await;
        let ben = deployment
            .as_user(ben)
            .with("x-memory-user", ann.to_string());
        ben.get("/api/sessions/s")
            .await
            .is_problem(404, "not_found");
        ben.record("mine", &[turn("1", "x")]).await;
        deployment
            .as_user(ann)
            .get("/api/sessions/mine")
            .await
            .is_problem(404, "not_found");
    });
}
