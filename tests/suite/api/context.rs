//! `POST /api/context`

use std::time::Duration;

use black_box::cases::{self, Case};
use black_box::{Client, Deployment, Reply, marked, on_both_hosts, on_own_deployments, run, turn};
use devstack::functions::Host;
use serde_json::{Value, json};
use uuid::Uuid;

const PATH: &str = "/api/context";

/// Long enough for a provider on a machine that is busy with the other tests.
const PATIENT: u32 = 5000;

/// Two sessions about a word each, and about one that they share.
async fn two_sessions(user: &Client<'_>, shared: &str) {
    let text = |topic: &str| format!("{shared} and {topic}");
    let turns = |name: &str| {
        let id = |seq: u32| format!("{name}{seq}");
        [
            turn(&id(1), "good morning"),
            turn(&id(2), &text(name)),
            turn(&id(3), "good evening"),
        ]
    };
    for name in ["tea", "milk"] {
        user.record(name, &turns(name)).await;
        user.synced(name).await;
    }
}

fn ids_of(reply: &Reply, source: &str) -> Vec<String> {
    let items = reply.body["items"].as_array().unwrap();
    let mut ids: Vec<_> = items
        .iter()
        .filter(|item| item["source"] == source)
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn relevance_is_looked_for_in_all_sessions_or_in_one() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let word = marked("word");
        two_sessions(&user, &word).await;
        let ask = |more: Value| {
            let mut body = json!({ "query": word, "include": ["relevant"], "deadlineMs": PATIENT });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            user.context(body)
        };
        let found = ask(json!({ "limit": 2 })).await;
        assert_eq!(ids_of(&found, "relevant"), ["milk2", "tea2"], "{found:?}");
        // What stands beside a hit makes it understandable, and does not count.
        let beside = ["milk1", "milk3", "tea1", "tea3"];
        assert_eq!(ids_of(&found, "neighbor"), beside, "{found:?}");

        let within = ask(json!({ "limit": 1, "scope": "session", "sessionId": "tea" })).await;
        assert_eq!(ids_of(&within, "relevant"), ["tea2"], "{within:?}");
        let sessions = within.each("items", "sessionId");
        assert!(
            sessions.iter().all(|session| session == "tea"),
            "{within:?}"
        );
    });
}

#[test]
fn the_session_that_goes_on_gives_its_latest_turns_without_a_query() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        two_sessions(&user, "toast").await;
        let recent = user.context(json!({ "sessionId": "tea" })).await;
        assert_eq!(
            recent.each("items", "id"),
            ["tea3", "tea2", "tea1"],
            "{recent:?}"
        );
        assert_eq!(ids_of(&recent, "recent").len(), 3);
        assert_eq!(recent.body["adapters"]["embeddings"]["status"], "skipped");

        let all = user.context(json!({})).await;
        assert_eq!(all.body["items"].as_array().unwrap().len(), 6, "{all:?}");

        // With a query and no session there is no conversation that goes on.
        let asked = user
            .context(json!({ "query": "toast", "deadlineMs": PATIENT }))
            .await;
        assert!(ids_of(&asked, "recent").is_empty(), "{asked:?}");
        let both = json!({ "query": "toast", "sessionId": "tea", "deadlineMs": PATIENT });
        let both = user.context(both).await;
        assert!(!ids_of(&both, "recent").is_empty(), "{both:?}");
        assert!(
            ids_of(&both, "relevant").contains(&"milk2".to_owned()),
            "{both:?}"
        );
        let turns = both.each("items", "turnId");
        let different: std::collections::HashSet<_> = turns.iter().collect();
        assert_eq!(different.len(), turns.len(), "a turn twice: {both:?}");

        let none = user
            .context(json!({ "sessionId": "tea", "include": ["relevant", "facts"] }))
            .await;
        assert_eq!(none.body["items"], json!([]), "{none:?}");
        assert_eq!(none.body["prompt"], "");
        assert_eq!(none.body["tokens"], 0);
    });
}

#[test]
fn items_fall_in_score_and_the_prompt_goes_by_time_within_its_budget() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let turns: Vec<_> = (1..=30)
            .map(|seq| turn(&seq.to_string(), &format!("toast number {seq} with jam")))
            .collect();
        user.record("s", &turns).await;
        user.synced("s").await;
        for budget in [1, 40, 100, 100_000] {
            let reply = user
                .context(json!({
                    "query": "toast with jam", "sessionId": "s", "limit": 25,
                    "maxTokens": budget, "deadlineMs": PATIENT,
                }))
                .await;
            assert!(
                reply.body["tokens"].as_u64().unwrap() <= budget,
                "{reply:?}"
            );
            let scores: Vec<_> = reply
                .each("items", "score")
                .iter()
                .map(|score| score.as_f64().unwrap())
                .collect();
            assert!(scores.is_sorted_by(|one, next| one >= next), "{scores:?}");
            assert!(
                scores.iter().all(|score| (0.0..=1.0).contains(score)),
                "{scores:?}"
            );
            let places: Vec<u32> = reply.body["prompt"]
                .as_str()
                .unwrap()
                .split("number ")
                .skip(1)
                .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
                .collect();
            assert!(places.is_sorted(), "{reply:?}");
            let hits =
                reply.body["items"].as_array().unwrap().len() - ids_of(&reply, "neighbor").len();
            assert!(
                hits <= 25 && (budget < 1000 || hits == 25),
                "{hits}: {reply:?}"
            );
        }
    });
}

#[test]
fn a_provider_that_hangs_is_named_and_the_words_still_find() {
    on_own_deployments(
        |_| {},
        async |deployment| {
            let user = deployment.as_somebody();
            let word = marked("word");
            two_sessions(&user, &word).await;
            let embedder = deployment.stack.embedder.as_ref().unwrap();
            embedder.hang(true);
            let ask =
                json!({ "query": word, "limit": 2, "deadlineMs": 1500, "include": ["relevant"] });
            let reply = user.context(ask.clone()).await;
            assert!(reply.took < Duration::from_millis(2500), "{reply:?}");
            assert_eq!(reply.body["degraded"], json!(["embeddings"]), "{reply:?}");
            assert_eq!(reply.body["adapters"]["embeddings"]["status"], "error");
            assert_eq!(ids_of(&reply, "relevant"), ["milk2", "tea2"], "{reply:?}");
            embedder.hang(false);

            embedder.fail_next(1, reqwest::StatusCode::TOO_MANY_REQUESTS, None);
            let reply = user.context(ask).await;
            assert_eq!(reply.body["degraded"], json!(["embeddings"]), "{reply:?}");
        },
    );
}

#[test]
fn an_unknown_session_has_nothing_recent() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let word = marked("word");
        two_sessions(&user, &word).await;
        let ask = json!({ "query": word, "sessionId": "new", "deadlineMs": PATIENT });
        let reply = user.context(ask).await;
        assert!(ids_of(&reply, "recent").is_empty(), "{reply:?}");
        assert!(
            ids_of(&reply, "relevant").contains(&"tea2".to_owned()),
            "{reply:?}"
        );
        let ask = json!({ "query": word, "sessionId": "new", "scope": "session" });
        let reply = user.context(ask).await;
        assert_eq!(reply.body["items"], json!([]), "{reply:?}");
    });
}

#[test]
fn a_query_of_any_text_is_answered() {
    let long = "long words ".repeat(900);
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let turns = [
            turn("1", "it's a \\ 'quoted' | & ! thing: <b>"),
            turn("2", "日本 🙂"),
        ];
        user.record("s", &turns).await;
        user.synced("s").await;
        for query in [
            "",
            "   ",
            "'",
            "\\",
            "''\\'",
            "it's | & ! ( ) : *",
            "a:* <-> b",
            "🙂",
            "the of",
            "%s $1",
            "日本",
            "\u{feff}\u{202e}",
            &long,
        ] {
            let reply = user
                .context(json!({ "query": query, "deadlineMs": PATIENT }))
                .await;
            let items = reply.body["items"].as_array().unwrap();
            assert!(items.len() <= 2, "{query}: {reply:?}");
        }
    });
}

#[test]
fn bad_requests_are_refused_alike() {
    super::refuse_bad_requests(PATH);
    let refused = |name: &'static str, value: Value| {
        let mut body = json!({});
        body[name] = value;
        let pointer: &'static str = match name {
            "limit" => "/limit",
            "maxTokens" => "/maxTokens",
            "deadlineMs" => "/deadlineMs",
            "scope" => "/scope",
            "include" => "/include",
            "query" => "/query",
            _ => "/sessionId",
        };
        Case::post(&body.to_string(), PATH, body.clone()).is_invalid_at(&[pointer])
    };
    cases::hold([
        Case::post("nothing but patience", PATH, json!({ "deadlineMs": 5000 })),
        refused("limit", json!(0)),
        refused("limit", json!(101)),
        refused("limit", json!(1.5)),
        refused("limit", json!("20")),
        refused("maxTokens", json!(0)),
        refused("maxTokens", json!(100_001)),
        refused("deadlineMs", json!(9)),
        refused("deadlineMs", json!(10_001)),
        refused("scope", json!("world")),
        refused("include", json!([])),
        refused("include", json!(["recent", "relevant", "facts", "recent"])),
        refused("query", json!("x".repeat(100_001))),
        refused("sessionId", json!("")),
        Case::post(
            "a kind that is none",
            PATH,
            json!({ "include": ["recent", "old"] }),
        )
        .is_invalid_at(&["/include/1"]),
        Case::post(
            "a scope without its session",
            PATH,
            json!({ "scope": "session" }),
        )
        .is_invalid_at(&["/sessionId"]),
        Case::post(
            "a whole number in another form",
            PATH,
            json!({ "limit": 20.0, "deadlineMs": 5000 }),
        ),
    ]);
}

/// The planner knows the common users of an analyzed table, and may think nothing of the others.
#[test]
fn a_user_who_is_new_since_the_last_analyze_waits_no_longer() {
    run(async {
        let deployment = Deployment::start(Host::Vercel, |_| {}).await;
        let user = Uuid::new_v4();
        let fill = |user: &str, turns: u32| {
            format!(
                "with who as (select {user} as id),
                session as (
                    insert into memories.sessions (user_id, id, last_seq)
                    select id, id, {turns} from who returning user_id
                ),
                turn as (
                    insert into memories.turns
                        (user_id, id, session_id, seq, role, content, text, body_hash, created_at)
                    select s.user_id, gen_random_uuid(), s.user_id, n, 'user', to_jsonb('w' || n % 50 || ' tea'),
                        'w' || n % 50 || ' tea', sha256('x'), now()
                    from session as s, generate_series(1, {turns}) as n
                    returning user_id, id
                )
                insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
                select t.user_id, t.id, 'lexical-384', 1, 384,
                    array_fill(0.05::real, array[384])::extensions.halfvec
                from turn as t"
            )
        };
        let admin = deployment.admin().await;
        for _ in 0..10 {
            admin
                .batch_execute(&fill("gen_random_uuid()", 2_000))
                .await
                .unwrap();
        }
        admin.batch_execute("analyze").await.unwrap();
        admin
            .batch_execute(&fill(&format!("'{user}'::uuid"), 1_000))
            .await
            .unwrap();

        let client = deployment.as_user(user);
        for _ in 0..8 {
            let reply = client
                .context(json!({ "query": "w7 tea", "deadlineMs": 1000 }))
                .await;
            assert!(reply.took < Duration::from_millis(900), "{reply:?}");
            assert_eq!(reply.body["degraded"], json!([]), "{reply:?}");
        }
    });
}
