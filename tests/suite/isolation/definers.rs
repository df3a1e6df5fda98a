//! The functions that run with their owner's rights, past row level security: who may call each, why it has to be
//! one, and what it comes to when a user reaches through it for what is another's.

use std::collections::BTreeMap;

use super::world::{Outcome, World};
use black_box::run;

/// What a call comes to.
enum Comes {
    /// An error of this SQLSTATE.
    Refused(&'static str),
    /// This, as a text.
    To(&'static str),
}

use Comes::{Refused, To};

/// One function.
struct Definer {
    name: &'static str,
    /// Besides the owner.
    callers: &'static str,
    /// Why it has to be one.
    because: &'static str,
    /// What Ann asks of what is Ben's, as her first caller: `{session}`, `{turn}`, `{embed}`, `{mem0}` and `{erase}`
    /// are his. Nothing where no user has it: then nobody's call comes through, or what it answers is all users' ids
    /// by its purpose; `reach.rs` looks at both.
    reach: &'static [(&'static str, Comes)],
}

const NO_SUCH: Comes = Refused("MO404");

const DEFINERS: [Definer; 31] = [
    Definer {
        name: "enqueue_job",
        callers: "authenticated",
        because: "nobody else may write to a queue",
        // Whatever turns it names, it is Ann's job, and reads no turn but hers.
        reach: &[(
            "do $$ begin perform memories.enqueue_job('embed', '{session}', array['{turn}']::uuid[]); end $$;
            select q.message ->> 'userId' = memories.user_id()::text
            from pg_temp.queued as q order by q.msg_id desc limit 1",
            To("t"),
        )],
    },
    Definer {
        name: "claim_job",
        callers: "memory_worker",
        because: "nobody else may write to a queue",
        reach: &[
            ("select memories.claim_job('embed', {embed}, 60)", NO_SUCH),
            ("select memories.claim_job('mem0', {mem0}, 60)", NO_SUCH),
            (
                "select memories.claim_job('erase', {erase}, 60)",
                Refused("42501"),
            ),
        ],
    },
    Definer {
        name: "finish_job",
        callers: "memory_worker",
        because: "nobody else may write to a queue",
        reach: &[
            ("select memories.finish_job('embed', {embed})", NO_SUCH),
            ("select memories.finish_job('mem0', {mem0})", NO_SUCH),
        ],
    },
    Definer {
        name: "postpone_job",
        callers: "memory_worker",
        because: "nobody else may write to a queue",
        reach: &[("select memories.postpone_job('embed', {embed}, 0)", NO_SUCH)],
    },
    Definer {
        name: "has_job",
        callers: "authenticated",
        because: "nobody else may read a queue",
        reach: &[
            ("select memories.has_job('embed', {embed})", To("f")),
            ("select memories.has_job('mem0', {mem0})", To("f")),
            ("select memories.has_job('erase', {erase})", To("f")),
        ],
    },
    Definer {
        name: "match_text",
        callers: "authenticated",
        because: "@@ is not leakproof, so that under row level security no index serves it",
        reach: &[
            (
                "select count(*) from memories.match_text('{benwombat}', null, 100)",
                To("0"),
            ),
            (
                "select count(*) from memories.match_text('{benwombat}', '{session}', 100)",
                To("0"),
            ),
        ],
    },
    Definer {
        name: "subject",
        callers: "authenticated",
        because: "nobody else may read the key of the hashes",
        reach: &[("select memories.subject() = '{subject}'", To("f"))],
    },
    Definer {
        name: "erase",
        callers: "authenticated",
        because: "nobody else may delete a turn, or write a tombstone or an erasure",
        reach: &[(
            "select memories.erase('{session}', true, true, 30, 30)",
            NO_SUCH,
        )],
    },
    Definer {
        name: "begin_erasure",
        callers: "memory_worker",
        because: "nobody else may write to a queue or an erasure",
        reach: &[("select memories.begin_erasure({erase}, 60)", NO_SUCH)],
    },
    Definer {
        name: "settle_erasure",
        callers: "memory_worker",
        because: "nobody else may write to a queue or an erasure",
        reach: &[(
            "select memories.settle_erasure({erase}, true, true, true, null)",
            NO_SUCH,
        )],
    },
    Definer {
        name: "circuit_wait",
        callers: "memory_worker",
        because: "nobody else may write how an adapter fares, and nothing of a user stands there",
        reach: &[("select memories.circuit_wait('mem0')", To("0"))],
    },
    Definer {
        name: "note_outcome",
        callers: "memory_worker",
        because: "as circuit_wait",
        reach: &[(
            "select memories.note_outcome('embed', {embed}, null, false)",
            To(""),
        )],
    },
    Definer {
        name: "count_failures",
        callers: "memory_worker",
        because: "as circuit_wait",
        reach: &[(
            "select memories.count_failures('embed', array['timeout'])",
            To(""),
        )],
    },
    sweeper(
        "begin_sweep",
        "takes late jobs of all users: their ids alone",
    ),
    sweeper("end_sweep", "writes who sweeps"),
    sweeper(
        "late_erasures",
        "takes late jobs of all users: their ids alone",
    ),
    sweeper(
        "expire_turns",
        "erases what the owner's policies say; answers how much",
    ),
    sweeper(
        "tend_large_users",
        "counts all users' vectors; answers ids and counts",
    ),
    nobody(
        "send_job",
        "the part of enqueue_job that adopt_orphans needs for any user",
    ),
    nobody("adopt_orphans", "of begin_sweep"),
    nobody("survey_large_users", "of tend_large_users"),
    nobody(
        "large_user_indexes",
        "of tend_large_users, and for operators",
    ),
    nobody("schedule_index_work", "of tend_large_users"),
    nobody("vacuum_overdue", "of tend_large_users"),
    nobody(
        "refuse_erased",
        "a trigger, which reads tombstones for whoever writes turns",
    ),
    nobody("remove_jobs", "of erase"),
    nobody("open_erasure", "of erase and expire_turns"),
    nobody("schedule_sweep", "for operators"),
    nobody("unschedule_sweep", "for operators"),
    nobody("request_sweep", "for pg_cron"),
    nobody("prune_sweep_history", "for pg_cron"),
];

const fn sweeper(name: &'static str, because: &'static str) -> Definer {
    Definer {
        name,
        callers: "memory_sweeper",
        because,
        reach: &[],
    }
}

const fn nobody(name: &'static str, because: &'static str) -> Definer {
    Definer {
        name,
        callers: "",
        because,
        reach: &[],
    }
}

#[test]
fn every_function_with_its_owners_rights_is_one_that_has_a_reason() {
    run(async {
        let world = World::new().await;
        let query = "
            select p.proname::text, coalesce((
                select string_agg(a.grantee::regrole::text, ' ' order by a.grantee::regrole::text)
                from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                where a.grantee <> p.proowner
            ), '')
            from pg_proc as p
            where p.pronamespace = 'memories'::regnamespace and p.prosecdef";
        let rows = world.admin.query(query, &[]).await.unwrap();
        let found: BTreeMap<String, String> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        // Of two functions of one name only one would be looked at.
        assert_eq!(found.len(), rows.len(), "{rows:?}");
        for (name, callers) in &found {
            let listed = DEFINERS.iter().find(|definer| definer.name == name);
            let listed =
                listed.unwrap_or_else(|| panic!("{name} runs past row level security: why?"));
            assert_eq!(callers, listed.callers, "{name}, {}", listed.because);
            let by_users = !callers.is_empty() && callers != "memory_sweeper";
            assert_eq!(
                !listed.reach.is_empty(),
                by_users,
                "{name}: what it comes to is not told"
            );
        }
        for definer in &DEFINERS {
            assert!(found.contains_key(definer.name), "{} is gone", definer.name);
        }
    });
}

#[test]
fn nobody_reaches_anothers_rows_through_a_function_with_its_owners_rights() {
    run(async {
        let world = World::new().await;
        // A temporary view for what a caller may not look at: whose the job is.
        let queued = "create temp view queued as select * from pgmq.q_memory_embed;
            grant select on queued to authenticated";
        world.admin.batch_execute(queued).await.unwrap();
        for definer in &DEFINERS {
            for (call, comes) in definer.reach {
                let call = world.fill(call);
                let outcome = world.attempt(definer.callers, world.ann, &call).await;
                match (comes, &outcome) {
                    (Refused(code), Outcome::Refused(refused)) => {
                        assert_eq!(refused, code, "{}: {call}", definer.name);
                    }
                    (To(text), Outcome::Answered(answer)) => {
                        assert_eq!(answer, text, "{}: {call}", definer.name);
                    }
                    _ => panic!("{}: {call} came to {outcome:?}", definer.name),
                }
            }
        }
    });
}
