//! `cargo xtask dlq` and `cargo xtask jobs`, the real binary, over the owner's connection.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use black_box::{Deployment, run, turn};
use devstack::functions::Host;
use devstack::stack::{StackSettings, workspace};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Came {
    /// What it printed with `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs `cargo xtask …` as the operator of a deployment.
pub(crate) async fn xtask(deployment: &Deployment, arguments: &[&str]) -> Came {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let built = || async { tokio::task::spawn_blocking(build).await.unwrap() };
    let mut command = Command::new(BINARY.get_or_init(built).await);
    command
        .args(arguments)
        .env("DATABASE_ADMIN_URL", deployment.database.url())
        .env("MEMORY_PUBLIC_URL", &deployment.stack.url)
        .env("SUPABASE_JWT_SECRET", &deployment.stack.jwt_secret);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    Came {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Cargo says where it put the executable:
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).stderr(Stdio::inherit());
    cargo.args(["build", "--quiet", "--package", "xtask"]);
    cargo.arg("--message-format=json-render-diagnostics");
    // What the cargo that runs us told us of our own package would have build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success());
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let executable = messages
        .map(Result::unwrap)
        .filter(|message| message["target"]["name"] == "xtask")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap()
}

fn quiet(settings: &mut StackSettings) {
    settings
        .env
        .insert("QSTASH_TOKEN".to_owned(), String::new());
}

/// Gives up what is pending of a user, as the last of ten attempts would.
async fn give_up(deployment: &Deployment, user: Uuid, reason: &str) {
    let admin = deployment.admin().await;
    let buried = "
        with queue as (
            delete from pgmq.q_memory_embed where message ->> 'userId' = $1::uuid::text
        )
        update memories.adapter_syncs
        set state = 'dead', job_id = null, attempts = 10, last_error_code = $2,
            started_at = now(), finished_at = now()
        where user_id = $1 and adapter = 'embed' and state = 'pending'";
    admin.execute(buried, &[&user, &reason]).await.unwrap();
}

/// Two users with dead letters: three refused ones, and 250 of one session that met a busy provider.
async fn graveyard() -> (Deployment, Uuid, Uuid) {
    let deployment = Deployment::start(Host::Vercel, quiet).await;
    let (refused, busy) = (Uuid::new_v4(), Uuid::new_v4());
    let client = deployment.as_user(refused);
    let turns = ["1", "2", "3"].map(|id| turn(id, "secret gravel"));
    client.record("s", &turns).await;
    give_up(&deployment, refused, "refused").await;
    let client = deployment.as_user(busy);
    for from in [0, 100, 200] {
        let turns: Vec<_> = (from..(from + 100).min(250))
            .map(|number| turn(&number.to_string(), "secret gravel"))
            .collect();
        client.record("long", &turns).await;
    }
    give_up(&deployment, busy, "busy").await;
    (deployment, refused, busy)
}

const DEAD: &str = "select count(*) from memories.adapter_syncs where state = 'dead'";

#[test]
fn dead_letters_are_listed_replayed_and_discarded_by_what_they_have_in_common() {
    run(async {
        let (deployment, refused, busy) = graveyard().await;
        let list = async |arguments: &[&str]| {
            let came = xtask(
                &deployment,
                &[&["dlq", "list", "--json"], arguments].concat(),
            )
            .await;
            assert!(!came.out.contains("gravel"), "{came:?}");
            came.json()
        };
        let all = list(&["--limit", "7"]).await;
        assert_eq!(all["total"], 253, "{all}");
        assert_eq!(all["deadLetters"].as_array().unwrap().len(), 7);
        assert_eq!(
            all["reasons"],
            json!([
                { "adapter": "embed", "reason": "busy", "dead": 250 },
                { "adapter": "embed", "reason": "refused", "dead": 3 },
            ])
        );
        for (arguments, total) in [
            (vec!["--reason", "refused"], 3),
            (vec!["--user", &busy.to_string()], 250),
            (vec!["--adapter", "mem0"], 0),
            (vec!["--reason", "refused", "--user", &busy.to_string()], 0),
        ] {
            assert_eq!(list(&arguments).await["total"], total, "{arguments:?}");
        }
        let page = xtask(&deployment, &["dlq", "list", "--limit", "2"]).await;
        assert!(
            page.out
                .contains("253 in all: 250 embed busy, 3 embed refused"),
            "{page:?}"
        );

        // Whole jobs, however many were recorded at once.
        let came = xtask(&deployment, &["dlq", "replay", "--all", "--reason", "busy"]).await;
        assert_eq!(came.code, 0, "{came:?}");
        assert!(
            came.out.starts_with("250 replayed\nthe next sweep"),
            "{came:?}"
        );
        assert_eq!(deployment.count(DEAD, &[]).await, 3);
        let due = "select count(*) from pgmq.q_memory_embed where vt <= now()";
        assert_eq!(deployment.count(due, &[]).await, 3);

        let named = list(&["--limit", "1"]).await;
        let named = named["deadLetters"][0]["turnId"].as_str().unwrap();
        let without = xtask(&deployment, &["dlq", "discard", named]).await;
        assert_eq!(without.code, 1, "{without:?}");
        assert!(without.err.contains("would discard 1"), "{without:?}");
        assert_eq!(deployment.count(DEAD, &[]).await, 3);
        let came = xtask(&deployment, &["dlq", "discard", named, "--yes", "--json"]).await;
        assert_eq!(came.json()["discarded"], 1);
        assert_eq!(deployment.count(DEAD, &[]).await, 2);
        let skipped = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'skipped' and last_error_code = 'discarded'
                and turn_id = $2::text::uuid";
        assert_eq!(deployment.count(skipped, &[&refused, &named]).await, 1);

        // What is no dead letter is told, and then nothing is done to the others either.
        let rest = list(&["--limit", "1"]).await;
        let rest = rest["deadLetters"][0]["turnId"].as_str().unwrap();
        for arguments in [
            vec!["dlq", "replay", named],
            vec!["dlq", "replay", rest, named],
            vec!["dlq", "replay", rest, "--adapter", "mem0"],
        ] {
            let came = xtask(&deployment, &arguments).await;
            assert_eq!(came.code, 1, "{came:?}");
            assert!(came.err.contains("is no dead letter"), "{came:?}");
        }
        assert_eq!(deployment.count(DEAD, &[]).await, 2);
        // Neither names nor --all, or both: a mistake in the arguments.
        for arguments in [vec!["dlq", "replay"], vec!["dlq", "replay", rest, "--all"]] {
            assert_eq!(xtask(&deployment, &arguments).await.code, 2);
        }
    });
}

#[test]
fn everything_but_the_text_is_known_of_a_turn() {
    run(async {
        let (deployment, refused, _) = graveyard().await;
        let turn = "select turn_id::text from memories.adapter_syncs where user_id = $1 limit 1";
        let row = deployment.admin().await.query_one(turn, &[&refused]).await;
        let turn: String = row.unwrap().get(0);
        for (arguments, event) in [
            (vec!["dlq", "replay", &turn], "replayed"),
            (vec!["dlq", "discard", &turn, "--yes"], "discarded"),
        ] {
            give_up(&deployment, refused, "refused").await;
            assert_eq!(xtask(&deployment, &arguments).await.code, 0);
            let came = xtask(&deployment, &["dlq", "show", &turn, "--json"]).await;
            assert!(!came.out.contains("gravel"), "{came:?}");
            let shown = came.json();
            let shown = &shown["turns"][0];
            assert_eq!(shown["turn"]["userId"], refused.to_string());
            assert_eq!(shown["turn"]["characters"], 13, "{shown}");
            let last = shown["audit"].as_array().unwrap().last().unwrap();
            assert_eq!(last["details"][event], true, "{shown}");
            let adapter = &shown["adapters"][0];
            match event {
                "replayed" => {
                    assert_eq!(adapter["state"], "pending", "{shown}");
                    assert_eq!(adapter["attempts"], 0);
                    assert_eq!(adapter["sweeps"], 0);
                    assert!(adapter["sweptNotBefore"].is_string());
                }
                _ => assert_eq!(adapter["reason"], "discarded", "{shown}"),
            }
        }
        let page = xtask(&deployment, &["dlq", "show", &turn]).await;
        assert!(page.out.contains("  state           skipped\n"), "{page:?}");
        assert!(page.out.contains("vectors: none"), "{page:?}");
        let other = xtask(&deployment, &["dlq", "show", &Uuid::new_v4().to_string()]).await;
        assert_eq!((other.code, other.out.as_str()), (1, ""), "{other:?}");
    });
}

#[test]
fn a_monitor_tells_well_from_unwell_by_the_exit_code() {
    run(async {
        let deployment = Deployment::start(Host::Vercel, quiet).await;
        let status = async |arguments: &[&str]| {
            let came = xtask(
                &deployment,
                &[&["jobs", "status", "--json"], arguments].concat(),
            )
            .await;
            let json: Value = serde_json::from_str(&came.out).unwrap();
            (came.code, json)
        };
        let (code, never) = status(&[]).await;
        assert_eq!(code, 2, "{never}");
        assert_eq!(never["troubles"], json!(["nothing has ever swept"]));

        deployment
            .as_service()
            .post("/api/jobs/sweep", json!({}))
            .await
            .is(200);
        let (code, well) = status(&[]).await;
        assert_eq!(code, 0, "{well}");
        assert_eq!(well["well"], true);
        assert_eq!(well["sweep"]["running"], false);

        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client
            .record("s", &[turn("1", "tea"), turn("2", "milk")])
            .await;
        let (code, pending) = status(&[]).await;
        assert_eq!(code, 0, "{pending}");
        assert_eq!(pending["adapters"][0]["pending"], 2);
        assert_eq!(pending["adapters"][0]["queued"], 1);
        assert_eq!(
            pending["adapters"][0]["due"], 0,
            "it is QStash's for a minute"
        );
        let admin = deployment.admin().await;
        let older = "update memories.adapter_syncs set enqueued_at = now() - interval '16 minutes'";
        admin.execute(older, &[]).await.unwrap();
        let (code, late) = status(&[]).await;
        assert_eq!(code, 2, "{late}");
        assert_eq!(
            late["troubles"],
            json!(["embed: a turn has waited for 16 min"])
        );
        assert_eq!(status(&["--max-age", "20"]).await.0, 0);

        give_up(&deployment, user, "refused").await;
        let (code, dead) = status(&[]).await;
        assert_eq!(code, 2, "{dead}");
        assert_eq!(dead["troubles"], json!(["embed: 2 dead letters"]));
        let page = xtask(&deployment, &["jobs", "status"]).await;
        assert!(
            page.out.ends_with("not well: embed: 2 dead letters\n"),
            "{page:?}"
        );

        let nowhere = "postgres://postgres:hush@127.0.0.1:9/nowhere";
        let came = xtask(&deployment, &["jobs", "status", "--database-url", nowhere]).await;
        assert_eq!(came.code, 1, "{came:?}");
        assert!(!came.err.contains("hush"), "{came:?}");
    });
}

#[test]
fn no_role_of_the_functions_reads_over_all_users_or_replays() {
    run(async {
        let deployment = Deployment::shared(Host::Vercel).await;
        for role in [
            "memory_orchestrator",
            "memory_worker",
            "memory_sweeper",
            "authenticated",
            "anon",
        ] {
            let granted = "
                select count(*) from (values
                    (has_table_privilege($1, 'memories.dead_letters', 'select')),
                    (has_table_privilege($1, 'memories.sync_health', 'select')),
                    (has_function_privilege($1, 'memories.replay_dead_letters(text, uuid[], uuid[])', 'execute')),
                    (has_function_privilege($1, 'memories.discard_dead_letters(text, uuid[], uuid[])', 'execute'))
                ) as g (granted)
                where granted";
            assert_eq!(deployment.count(granted, &[&role]).await, 0, "{role}");
        }
    });
}
