//! What a user takes away: all that is held, page by page, and back again.

use black_box::{Client, Deployment, marked, on_both_hosts, run, turn};
use devstack::functions::Host;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::operators::{Came, xtask};

/// All pages' lines, without those that lead from page to page; and how many pages.
async fn export(client: &Client<'_>) -> (Vec<Value>, usize) {
    let (mut lines, mut pages, mut query) = (Vec::new(), 0, String::new());
    loop {
        let page = client.get(&format!("/api/memory/export{query}")).await;
        page.is(200);
        assert_eq!(page.header("content-type"), "application/x-ndjson");
        assert!(page.bytes.len() < 4_500_000, "no host lets it pass");
        pages += 1;
        let text = page.body.as_str().unwrap();
        assert!(text.ends_with('\n'));
        let mut read: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let last = read.pop().unwrap();
        lines.append(&mut read);
        if last["type"] == "end" {
            return (lines, pages);
        }
        assert_eq!(last["type"], "next", "{last}");
        query = format!("?cursor={}", last["cursor"].as_str().unwrap());
    }
}

fn of_type<'a>(lines: &'a [Value], wanted: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == wanted).collect()
}

#[test]
fn an_export_holds_what_was_recorded_in_its_order_and_nothing_of_anybody_else() {
    on_both_hosts(async |deployment| {
        let (ann, ben) = (Uuid::new_v4(), deployment.as_somebody());
        let other = marked("bens");
        ben.record("s", &[turn("1", &other)]).await;
        let client = deployment.as_user(ann);
        assert_eq!(export(&client).await, (Vec::new(), 1));
        let whole = json!({
            "id": "3", "role": "assistant", "content": [{ "type": "text", "text": "a\nb \u{2028} ü" }],
            "attachments": [{ "url": "https://example.org/x" }], "toolCalls": [{ "name": "t" }],
            "toolResults": [{ "ok": true }], "metadata": { "k": [1, null] },
            "createdAt": "2026-01-02T03:04:05Z",
        });
        client
            .record("s", &[turn("1", "tea"), turn("2", "milk"), whole.clone()])
            .await;
        client.record("t", &[turn("1", "toast")]).await;
        client.record("s", &[turn("4", "honey")]).await;
        client.synced("s").await;
        let audit = "insert into memories.audit (user_id, kind) values ($1, 'dead_letter')";
        deployment
            .admin()
            .await
            .execute(audit, &[&ann])
            .await
            .unwrap();

        let (lines, _) = export(&client).await;
        let told: Vec<String> = lines
            .iter()
            .map(|line| {
                let part = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                [part("type"), part("sessionId"), part("id")].join(" ")
            })
            .collect();
        assert_eq!(
            told,
            [
                "session s ",
                "turn s 1",
                "turn s 2",
                "turn s 3",
                "turn s 4",
                "session t ",
                "turn t 1",
                "audit  "
            ]
        );
        for (name, value) in whole.as_object().unwrap() {
            if name != "createdAt" {
                assert_eq!(lines[3][name], *value, "{name}");
            }
        }
        assert_eq!(lines[3]["embeddings"][0]["revision"], 1, "{}", lines[3]);
        assert_eq!(lines[3]["adapters"][0]["state"], "done", "{}", lines[3]);
        assert!(!format!("{lines:?}").contains(&other));
    });
}

#[test]
fn a_long_export_comes_in_pages_that_every_host_lets_pass() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let text = "x".repeat(9000);
        for session in 0..4 {
            let turns: Vec<_> = (0..100)
                .map(|id| turn(&id.to_string(), &format!("{session} {id} {text}")))
                .collect();
            client.record(&session.to_string(), &turns).await;
        }
        client
            .record("one", &[turn("1", &"y".repeat(1_000_000))])
            .await;
        let (lines, pages) = export(&client).await;
        assert!(pages > 2, "{pages}");
        let turns = of_type(&lines, "turn");
        assert_eq!(turns.len(), 401);
        for (place, line) in turns.iter().take(400).enumerate() {
            let begins = format!("{} {} x", place / 100, place % 100);
            assert!(line["content"].as_str().unwrap().starts_with(&begins));
        }
        client
            .get("/api/memory/export?cursor=rubbish")
            .await
            .is_problem(422, "invalid_request");
        deployment
            .as_nobody()
            .get("/api/memory/export")
            .await
            .is_problem(401, "unauthorized");
    });
}

/// An export without what another user, another time and another database make of it.
fn comparable(lines: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        for name in [
            "turnId",
            "recordedAt",
            "adapters",
            "embeddings",
            "revision",
            "updatedAt",
            "lastSyncedAt",
        ] {
            line.remove(name);
        }
        if line["type"] == "session" {
            line.remove("createdAt");
        }
    }
    lines
}

/// Imports into a user's memory.
async fn import(deployment: &Deployment, user: Uuid, lines: &[Value]) -> Came {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = deployment.logs.join(format!("{user}.ndjson"));
    std::fs::write(&file, text).unwrap();
    let token = deployment.stack.user_token(user).unwrap();
    let file = file.to_str().unwrap();
    let url = &deployment.stack.url;
    let came = xtask(
        deployment,
        &["import", "--url", url, "--token", &token, file],
    )
    .await;
    assert_eq!(came.code, 0, "{came:?}");
    came
}

#[test]
fn an_export_is_imported_elsewhere_and_gives_the_same_export() {
    run(async {
        let here = Deployment::shared(Host::Vercel).await;
        let there = Deployment::shared(Host::Lambda).await;
        let user = Uuid::new_v4();
        let client = here.as_user(user);
        let titled = json!({ "sessionId": "s", "title": "Tea", "turns": [
            turn("1", "tea"),
            { "id": Uuid::new_v4(), "role": "assistant", "content": [{ "type": "text", "text": "é\u{2028}" }],
              "toolCalls": [{ "name": "t" }], "metadata": {}, "createdAt": "2026-01-02T03:04:05.678Z" },
        ] });
        client.post("/api/turns", titled).await.is(201);
        let many: Vec<_> = (0..100)
            .map(|id| turn(&id.to_string(), &"x".repeat(9000)))
            .collect();
        client.record("long", &many).await;
        client.record("long", &[turn("last", "z")]).await;
        let (lines, _) = export(&client).await;

        let other = Uuid::new_v4();
        let came = import(there, other, &lines).await;
        assert_eq!(came.out, "103 turns are new, 0 were known\n");
        let imported = there.as_user(other);
        assert_eq!(comparable(&export(&imported).await.0), comparable(&lines));
        assert_eq!(
            imported.get("/api/sessions/s").await.body["session"]["title"],
            "Tea"
        );

        // Again it changes nothing, there or where it came from.
        let came = import(there, other, &lines).await;
        assert_eq!(came.out, "0 turns are new, 103 were known\n");
        let came = import(here, user, &lines).await;
        assert_eq!(came.out, "0 turns are new, 103 were known\n");
        assert_eq!(comparable(&export(&client).await.0), comparable(&lines));

        // What differs, and what was erased, stays as it is.
        let mut changed = lines.clone();
        changed[1]["content"] = "coffee".into();
        let came = import(there, other, &changed).await;
        assert!(
            came.out
                .ends_with("\n1 are known with another body, and stay as they are\n"),
            "{came:?}"
        );
        imported.delete("/api/memory").await.is(202);
        let came = import(there, other, &lines).await;
        assert!(
            came.out.ends_with("\n103 were erased, and stay so\n"),
            "{came:?}"
        );
    });
}
