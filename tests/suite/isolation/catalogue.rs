//! What the catalogue says of every table, view, function and role of the schema. What is new or has changed fails
//! here by its name, until somebody has said that it is meant.

use black_box::run;

use super::fresh;

/// Who may do what with which table. Nobody but the owner may do anything else.
const TABLES: &str = "
adapter_syncs: authenticated may insert, select, update
adapter_syncs: memory_worker may select, update
audit: authenticated may select
audit: memory_worker may insert, select
erasures: authenticated may select
retention: authenticated may select
sessions: authenticated may insert, select, update
sessions: memory_worker may select
turn_embeddings: authenticated may delete, select
turn_embeddings: memory_worker may insert, select, update
turns: authenticated may insert, select, update
turns: memory_worker may select";

/// The same of single columns.
const COLUMNS: &str = "
adapter_states.adapter: authenticated may select
adapter_states.adapter: memory_sweeper may select
adapter_states.reason: authenticated may select
adapter_states.reason: memory_sweeper may select
adapter_states.state: authenticated may select
adapter_states.state: memory_sweeper may select
sessions.last_synced_at: memory_worker may update
turns.pii_scrubbed: memory_worker may update";

/// Who may call which function that runs with its caller's rights. `definers.rs` has the others.
const FUNCTIONS: &str = "
ask_adapter: authenticated
asked_midnight: authenticated
asked_ranges: authenticated
backfill_session: authenticated
begin_job: memory_worker
bury_turns: memory_worker
discard_dead_letters: nobody
fetch_context: authenticated
give_up_job: memory_worker
has_large_index: authenticated
job_patience: authenticated, memory_sweeper, memory_worker
keyed_hash: nobody
large_index_name: authenticated
match_embedding: authenticated
match_large: authenticated
note_synced: authenticated, memory_worker
number_redactions: memory_worker
open_circuits: authenticated, memory_sweeper
record_turns: authenticated
replay_dead_letters: nobody
settle_embed_job: memory_worker
settle_job: memory_worker
sync_session: authenticated
sync_state: authenticated
time_words: authenticated
user_id: authenticated, memory_worker
word_keys: authenticated, memory_worker";

/// The views, which are their owner's: nobody else may look at one.
const VIEWS: &str = "
dead_letters
erasure_health
sync_health";

/// What each policy lets a row pass by.
const POLICIES: &str = "
adapter_states: everybody, true and -
adapter_syncs: own_adapter_syncs, (user_id = ( SELECT memories.user_id() AS user_id)) and (user_id = ( SELECT memories.user_id() AS user_id))
audit: own_audit, (user_id = ( SELECT memories.user_id() AS user_id)) and (user_id = ( SELECT memories.user_id() AS user_id))
erasures: own_erasures, (subject = ( SELECT memories.subject() AS subject)) and -
retention: own_retention, (user_id = ( SELECT memories.user_id() AS user_id)) and -
sessions: own_sessions, (user_id = ( SELECT memories.user_id() AS user_id)) and (user_id = ( SELECT memories.user_id() AS user_id))
turn_embeddings: own_turn_embeddings, (user_id = ( SELECT memories.user_id() AS user_id)) and (user_id = ( SELECT memories.user_id() AS user_id))
turns: own_turns, (user_id = ( SELECT memories.user_id() AS user_id)) and (user_id = ( SELECT memories.user_id() AS user_id))";

/// Each list, and how the catalogue has it.
const LISTS: [(&str, &str, &str); 5] = [
    (
        "tables",
        TABLES,
        "select c.relname || ': ' || a.grantee::regrole || ' may '
            || string_agg(lower(a.privilege_type), ', ' order by a.privilege_type)
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.relnamespace = 'memories'::regnamespace and a.grantee <> c.relowner
        group by c.relname, a.grantee",
    ),
    (
        "columns",
        COLUMNS,
        "select c.relname || '.' || t.attname || ': ' || a.grantee::regrole || ' may ' || lower(a.privilege_type)
        from pg_class as c
        join pg_attribute as t on t.attrelid = c.oid
        cross join aclexplode(t.attacl) as a
        where c.relnamespace = 'memories'::regnamespace and a.grantee <> c.relowner",
    ),
    (
        "functions with their caller's rights",
        FUNCTIONS,
        "select p.proname || ': ' || coalesce(
            (
                select string_agg(a.grantee::regrole::text, ', ' order by a.grantee::regrole::text)
                from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                where a.grantee <> p.proowner
            ),
            'nobody'
        )
        from pg_proc as p
        where p.pronamespace = 'memories'::regnamespace and not p.prosecdef",
    ),
    (
        "views that do not look with their reader's rights",
        VIEWS,
        "select c.relname::text
        from pg_class as c
        where c.relnamespace = 'memories'::regnamespace
            and c.relkind in ('v', 'm')
            and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)",
    ),
    (
        "policies",
        POLICIES,
        "select c.relname || ': ' || p.polname || ', '
            || coalesce(pg_get_expr(p.polqual, c.oid), '-') || ' and '
            || coalesce(pg_get_expr(p.polwithcheck, c.oid), '-')
        from pg_policy as p
        join pg_class as c on c.oid = p.polrelid
        where c.relnamespace = 'memories'::regnamespace",
    ),
];

/// What there may not be.
const NONE: [(&str, &str); 6] = [
    (
        "tables without row level security or without a policy",
        "select c.relname::text from pg_class as c
        where c.relnamespace = 'memories'::regnamespace and c.relkind in ('r', 'p')
            and (not c.relrowsecurity
                or (
                    not exists (select from pg_policy as p where p.polrelid = c.oid)
                    -- Without a policy nobody sees a row; then nobody may be let near it either.
                    and (
                        exists (select from aclexplode(c.relacl) as a where a.grantee <> c.relowner)
                        or exists (select from pg_attribute as a where a.attrelid = c.oid and a.attacl is not null)
                    )
                ))",
    ),
    (
        "tables, foreign or materialised, that row level security does not reach",
        "select c.relname::text from pg_class as c
        where c.relnamespace = 'memories'::regnamespace and c.relkind in ('m', 'f')",
    ),
    (
        // What was bound when it was created looks nothing up.
        "functions without a fixed search_path",
        "select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = 'memories'::regnamespace
            and p.prosqlbody is null
            and not coalesce('search_path=\"\"' = any(p.proconfig), false)",
    ),
    (
        "functions, tables or views that anybody may use",
        "select p.oid::regprocedure::text from pg_proc as p
        cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = 'memories'::regnamespace and a.grantee = 0
        union all
        select c.relname::text from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.relnamespace = 'memories'::regnamespace and a.grantee = 0",
    ),
    (
        "tables whose primary key does not begin with the user",
        "select c.relname::text from pg_class as c
        join pg_index as i on i.indrelid = c.oid and i.indisprimary
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where c.relnamespace = 'memories'::regnamespace
            and a.attname <> 'user_id'
            and exists (
                select from pg_attribute as u where u.attrelid = c.oid and u.attname = 'user_id'
            )",
    ),
    (
        "roles of ours with more rights than a transaction of theirs is meant to have",
        "select r.rolname::text from pg_roles as r
        where r.rolname like 'memory_%'
            and (
                r.rolsuper or r.rolbypassrls or r.rolinherit or r.rolcreaterole or r.rolcreatedb
                or (r.rolcanlogin and r.rolname <> 'memory_orchestrator')
                or exists (
                    select from pg_auth_members as m
                    where m.member = r.oid
                        and not (
                            r.rolname = 'memory_orchestrator'
                            and m.roleid::regrole::text in ('authenticated', 'memory_worker', 'memory_sweeper')
                        )
                )
            )",
    ),
];

#[test]
fn every_grant_policy_and_view_is_one_that_is_meant() {
    run(async {
        let admin = fresh().await;
        for (what, meant, query) in LISTS {
            let rows = admin.query(query, &[]).await.unwrap();
            let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let meant: Vec<&str> = meant.trim().lines().collect();
            let strange: Vec<_> = found
                .iter()
                .filter(|found| !meant.contains(&found.as_str()))
                .collect();
            assert!(
                strange.is_empty(),
                "{what} that nobody meant, see the lists above: {strange:#?}"
            );
        }
    });
}

#[test]
fn every_table_has_a_policy_every_function_a_fixed_search_path_and_nothing_is_everybodys() {
    run(async {
        let admin = fresh().await;
        for (what, query) in NONE {
            let rows = admin.query(query, &[]).await.unwrap();
            let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            assert!(names.is_empty(), "{what}: {names:?}");
        }
    });
}
