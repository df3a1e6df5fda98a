//! Every role tries everything that there is, with our own filters taken out of every function that runs with its
//! caller's rights, and comes to nothing of another user's.

use black_box::run;
use devstack::isolation_run::filters;

use super::world::{BENS, BENS_SESSION, BENS_TURN, Outcome, World};

/// Every role that anybody may come to act as, the login of the functions included.
const ROLES: [&str; 6] = [
    "anon",
    "authenticated",
    "memory_orchestrator",
    "memory_sweeper",
    "memory_worker",
    "service_role",
];

async fn world_without_filters() -> World {
    let world = World::new().await;
    let stripped = filters::remove_from(&world.admin).await.unwrap();
    for function in &stripped {
        assert_eq!(
            function.body.fault, None,
            "{}: see filters.rs",
            function.name
        );
    }
    let removed: usize = stripped.iter().map(|function| function.body.removed).sum();
    assert!(removed > 50, "{stripped:#?}");
    world
}

/// Fails when something of Ben's is in an answer to Ann. The sweeper is answered ids by its purpose, and no text.
#[track_caller]
fn holds_nothing_of_bens(world: &World, role: &str, call: &str, answer: &str) {
    let ben = world.ben.to_string();
    assert!(
        !answer.contains(BENS),
        "{call} as {role} answers another's: {answer}"
    );
    assert!(
        role == "memory_sweeper" || !answer.contains(&ben),
        "{call} as {role} names another: {answer}"
    );
}

#[test]
fn no_role_finds_or_changes_a_row_of_another_user() {
    run(async {
        let world = world_without_filters().await;
        for relation in world.relations().await {
            let columns = format!(
                "select a.attname from pg_attribute as a
                where a.attrelid = '{relation}'::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''"
            );
            let columns = world.ask(&columns).await;
            let columns: Vec<&str> = columns.lines().collect();
            let ben = world.ben.to_string();
            let row = format!(
                "select to_jsonb(x)::text from {relation} as x where x::text like '%{ben}%' limit 1"
            );
            let row = world.ask(&row).await.replace('\'', "''");
            let all = columns.join(", ");
            let mut tries = vec![
                format!("select x::text from {relation} as x"),
                format!("delete from {relation}"),
                format!("truncate {relation}"),
            ];
            for column in &columns {
                tries.push(format!("select {column}::text from {relation}"));
                tries.push(format!("update {relation} set {column} = {column}"));
            }
            // Writing what is Ben's comes as far as the wall and no further: not to a key that is there already.
            let mut writes = Vec::new();
            if columns.contains(&"user_id") {
                writes.push(format!("update {relation} set user_id = '{ben}'"));
            }
            if !row.is_empty() {
                let values = format!("jsonb_populate_record(null::{relation}, '{row}')");
                writes.push(format!(
                    "insert into {relation} ({all}) select {all} from {values}"
                ));
            }
            for role in ROLES {
                for statement in &tries {
                    let outcome = world.attempt(role, world.ann, statement).await;
                    if let Outcome::Answered(answer) = outcome {
                        holds_nothing_of_bens(&world, role, statement, &answer);
                    }
                }
                for statement in &writes {
                    let outcome = world.attempt(role, world.ann, statement).await;
                    // No right to it, or a view that nobody can write to.
                    let walls = ["42501", "55000"].map(|code| Outcome::Refused(code.to_owned()));
                    assert!(
                        walls.contains(&outcome),
                        "{statement} as {role}: {outcome:?}"
                    );
                }
            }
        }
    });
}

#[test]
fn no_role_finds_or_changes_anything_of_another_user_by_any_function() {
    run(async {
        let world = world_without_filters().await;
        let calls = calls(&world).await;
        assert!(calls.len() > 50, "{calls:#?}");
        let mut bens = 0;
        for role in ROLES {
            for call in &calls {
                if let Outcome::Answered(answer) = world.attempt(role, world.ann, call).await {
                    holds_nothing_of_bens(&world, role, call, &answer);
                }
                // The same call is one that answers his own to Ben, so it was not for nothing.
                if let Outcome::Answered(answer) = world.attempt(role, world.ben, call).await {
                    bens += usize::from(answer.contains(BENS));
                }
            }
        }
        // A context, and the attempt at his job.
        assert!(bens >= 2, "{bens} of the calls answer his own to Ben");
    });
}

/// Each function of the schema, asked for what is Ben's; one that takes a job for each of his jobs.
async fn calls(world: &World) -> Vec<String> {
    let functions = "
        select
            p.proname::text,
            coalesce(p.proargnames[1:p.pronargs], '{}'),
            array(select format_type(t, null) from unnest(p.proargtypes::oid[]) with ordinality as a (t, n) order by n)
        from pg_proc as p
        where p.pronamespace = 'memories'::regnamespace and p.prorettype <> 'trigger'::regtype
        order by 1";
    let mut calls = Vec::new();
    for row in world.admin.query(functions, &[]).await.unwrap() {
        let (name, names, kinds): (String, Vec<String>, Vec<String>) =
            (row.get(0), row.get(1), row.get(2));
        for (adapter, job) in [("embed", "embed"), ("mem0", "mem0"), ("embed", "erase")] {
            let given: Vec<String> = names
                .iter()
                .zip(&kinds)
                .map(|(argument, kind)| {
                    let value = match argument.as_str() {
                        "p_job_id" => world.named(job).to_owned(),
                        "p_adapter" => format!("'{adapter}'"),
                        _ => {
                            let value = value(world, argument, kind);
                            assert!(
                                value.is_some(),
                                "{name}: what would somebody give for {argument} {kind}?"
                            );
                            value.unwrap()
                        }
                    };
                    format!("{argument} := {value}::{kind}")
                })
                .collect();
            calls.push(format!(
                "select r::text from memories.{name}({}) as r",
                given.join(", ")
            ));
        }
    }
    calls.dedup();
    calls
}

/// What Ann would give to come to what is Ben's. Nothing for an argument of a kind that no function had before.
fn value(world: &World, argument: &str, kind: &str) -> Option<String> {
    Some(match (argument, kind) {
        ("p_user_id", _) => format!("'{}'", world.ben),
        ("p_user_ids", _) => format!("array['{}']", world.ben),
        ("p_subject", _) => format!("'{}'", world.named("subject")),
        ("p_session_id", _) => format!("'{BENS_SESSION}'"),
        ("p_session_ids", _) => format!("array['{BENS_SESSION}']"),
        ("p_query", _) => format!("'{BENS}'"),
        ("p_model", _) => "'m'".to_owned(),
        ("p_models", _) => "array['m']".to_owned(),
        ("p_adapters", "jsonb") => r#"'{"embed": ["user"], "mem0": ["user"]}'"#.to_owned(),
        ("p_adapters", _) => "array['embed', 'mem0']".to_owned(),
        ("p_turns", "jsonb") => format!(
            r#"'[{{"id": "{BENS_TURN}", "role": "user", "content": "mine", "text": "mine", "bodyHash": "{}"}}]'"#,
            "11".repeat(32)
        ),
        ("p_time_zone", _) => "'UTC'".to_owned(),
        ("p_spans", _) => "'[]'".to_owned(),
        ("p_session_only", _) => "false".to_owned(),
        (_, "uuid[]") => format!("array['{BENS_TURN}']"),
        (_, "text") => "'x'".to_owned(),
        (_, "text[]") => "array['x']".to_owned(),
        (_, "integer" | "bigint") => "10".to_owned(),
        (_, "integer[]") => "array[1]".to_owned(),
        (_, "boolean") => "true".to_owned(),
        (_, "boolean[]") => "array[true]".to_owned(),
        (_, "timestamp with time zone" | "timestamp without time zone") => "now()".to_owned(),
        (_, "tstzrange") => "'(,)'".to_owned(),
        (_, "tstzmultirange") => "'{(,)}'".to_owned(),
        (_, "tsquery") => format!("'{BENS}'"),
        (_, "bytea") => r"'\x00'".to_owned(),
        (_, "jsonb") => "'{}'".to_owned(),
        (_, "extensions.halfvec") => "'[1,0,0]'".to_owned(),
        (_, "extensions.halfvec[]") => "array['[1,0,0]']".to_owned(),
        _ => return None,
    })
}
