//! A database with Ann and Ben in it, who use the same ids, and in which somebody tries what a role may do.

use std::collections::BTreeMap;

use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use super::fresh;

/// In every text of Ben's, and in nothing of Ann's.
pub(super) const BENS: &str = "benwombat";

/// Of both.
pub(super) const SESSION: &str = "0192f0c1-2345-7abc-8def-0123456789ab";
pub(super) const TURN: &str = "7d444840-9dc0-11d1-b245-5ffdce74fad2";

/// Ben's alone.
pub(super) const BENS_TURN: &str = "7d444840-9dc0-11d1-b245-5ffdce74fad3";
pub(super) const BENS_SESSION: &str = "0192f0c1-2345-7abc-8def-0123456789ac";

const BENS_ERASED: &str = "0192f0c1-2345-7abc-8def-0123456789ad";

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An error of this SQLSTATE.
    Refused(String),
    /// The first column of all rows, one a line.
    Answered(String),
}

/// The database.
pub(super) struct World {
    pub(super) admin: Client,
    pub(super) ann: Uuid,
    pub(super) ben: Uuid,
    /// What stands in braces in a call, and what it stands for.
    names: BTreeMap<&'static str, String>,
    /// Answers one line that is different once anything of Ben's is.
    checksum: String,
}

impl World {
    pub(super) async fn new() -> Self {
        let admin = fresh().await;
        let mut world = Self {
            admin,
            ann: Uuid::new_v4(),
            ben: Uuid::new_v4(),
            names: BTreeMap::new(),
            checksum: String::new(),
        };
        let (ann, ben) = (world.ann, world.ben);
        world
            .record(ann, SESSION, &[(TURN, "annquokka likes tea")])
            .await;
        let both = [
            (TURN, "benwombat likes tea"),
            (BENS_TURN, "benwombat likes milk"),
        ];
        world.record(ben, SESSION, &both).await;
        let more = [
            (BENS_SESSION, "benwombat likes rain"),
            (BENS_ERASED, "benwombat likes nothing"),
        ];
        for (id, text) in more {
            world.record(ben, id, &[(id, text)]).await;
        }
        let erase = format!("select memories.erase('{BENS_ERASED}', true, true, 30, 30)");
        world.commit("authenticated", ben, &erase).await;
        for user in [ann, ben] {
            let beside = format!(
                "insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
                select t.user_id, t.id, 'm', 1, 3, '[1,0,0]' from memories.turns as t where t.user_id = '{user}';
                insert into memories.audit (user_id, kind, details)
                values ('{user}', 'dead_letter', '{{\"reason\": \"{user}\"}}');
                update memories.adapter_syncs
                set state = 'dead', job_id = null, last_error_code = 'poison', finished_at = now()
                where user_id = '{user}' and adapter = 'mem0' and turn_id = '{BENS_SESSION}';
                insert into memories.retention (user_id, days) values ('{user}', 3650)"
            );
            world
                .admin
                .batch_execute(&format!(
                    "set search_path = extensions; {beside}; reset search_path"
                ))
                .await
                .unwrap();
        }
        for (name, queue) in [
            ("embed", "memory_embed"),
            ("mem0", "memory_mem0"),
            ("erase", "memory_erase"),
        ] {
            let job = format!(
                "select max(q.msg_id)::text from pgmq.q_{queue} as q where q.message ->> 'userId' = '{ben}'"
            );
            let job = world.admin.query_one(&job, &[]).await.unwrap().get(0);
            world.names.insert(name, job);
        }
        let subject = format!(
            "select memories.keyed_hash(k.key, 'subject'::bytea || uuid_send('{ben}'))::text from memories.erasure_key as k"
        );
        let subject: String = world.admin.query_one(&subject, &[]).await.unwrap().get(0);
        world.checksum = world.checksum_of_ben(&subject).await;
        for (name, value) in [
            ("session", BENS_SESSION.to_owned()),
            ("turn", BENS_TURN.to_owned()),
            ("subject", subject),
        ] {
            world.names.insert(name, value);
        }
        world
    }

    /// Puts in what stands in braces.
    pub(super) fn fill(&self, call: &str) -> String {
        let names = self.names.iter();
        names.fold(call.to_owned(), |call, (name, value)| {
            call.replace(&format!("{{{name}}}"), value)
        })
    }

    /// What stands in braces by that name.
    pub(super) fn named(&self, name: &str) -> &str {
        &self.names[name]
    }

    /// Tries something in a transaction of this role with this user's claims, which is taken back. Fails when
    /// anything of Ben's would have been changed by it, unless he has done it himself.
    pub(super) async fn attempt(&self, role: &str, user: Uuid, statement: &str) -> Outcome {
        let before = self.ask(&self.checksum).await;
        self.admin
            .batch_execute(&become_role(role, user))
            .await
            .unwrap();
        let outcome = match self.admin.simple_query(statement).await {
            Ok(messages) => Outcome::Answered(lines(&messages)),
            Err(error) => {
                let told = error.as_db_error();
                assert!(told.is_some(), "{statement} as {role}: {error}");
                let error = told.unwrap();
                Outcome::Refused(error.code().code().to_owned())
            }
        };
        if matches!(outcome, Outcome::Answered(_)) && user != self.ben {
            self.admin.batch_execute("reset role").await.unwrap();
            let after = self.ask(&self.checksum).await;
            assert_eq!(
                before, after,
                "{statement} as {role} has changed rows of another user"
            );
        }
        self.admin.batch_execute("rollback").await.unwrap();
        outcome
    }

    /// Every table and view of the schema, and every queue and its archive.
    pub(super) async fn relations(&self) -> Vec<String> {
        let relations = "
            select c.oid::regclass::text from pg_class as c
            where c.relkind in ('r', 'p', 'v', 'm', 'f')
                and (
                    c.relnamespace = 'memories'::regnamespace
                    or (c.relnamespace = 'pgmq'::regnamespace and c.relname ~ '^[qa]_memory_')
                )
            union all
            select 'auth.users'
            order by 1";
        lines(&self.admin.simple_query(relations).await.unwrap())
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The first column of what an administrator asks for.
    pub(super) async fn ask(&self, query: &str) -> String {
        lines(&self.admin.simple_query(query).await.unwrap())
    }

    async fn record(&self, user: Uuid, session: &str, turns: &[(&str, &str)]) {
        let turns: Vec<_> = turns
            .iter()
            .map(|(id, text)| {
                serde_json::json!({
                    "id": id, "role": "user", "content": text, "text": text, "bodyHash": "00".repeat(32),
                })
            })
            .collect();
        let record = format!(
            "select memories.record_turns('{session}', null, '{}', '{}', false, '{{\"embed\": [\"user\"], \"mem0\": [\"user\"]}}')",
            turns[0]["content"].as_str().unwrap(),
            serde_json::json!(turns),
        );
        self.commit("authenticated", user, &record).await;
    }

    async fn commit(&self, role: &str, user: Uuid, statement: &str) {
        let all = format!("{}; {statement}; commit", become_role(role, user));
        self.admin.batch_execute(&all).await.unwrap();
    }

    /// Over every table that has a column for the user, or the hash that stands for one, and every queue.
    async fn checksum_of_ben(&self, subject: &str) -> String {
        let ben = self.ben;
        let tables = format!(
            "select 'select ''' || c.oid::regclass || ''', md5(coalesce(string_agg(x::text, '','' order by x::text), '''')) from '
                || c.oid::regclass || ' as x where x.' || a.attname || ' = '''
                || case a.attname when 'user_id' then '{ben}' else '{subject}' end || ''''
            from pg_class as c
            join pg_attribute as a on a.attrelid = c.oid and a.attname in ('user_id', 'subject')
            where c.relnamespace = 'memories'::regnamespace and c.relkind in ('r', 'p')
            union all
            select 'select ''' || c.oid::regclass || ''', md5(coalesce(string_agg(x::text, '','' order by x::text), '''')) from '
                || c.oid::regclass || ' as x where x.message ->> ''userId'' = ''{ben}'''
            from pg_class as c
            where c.relnamespace = 'pgmq'::regnamespace and c.relkind = 'r' and c.relname ~ '^[qa]_memory_'"
        );
        let tables = self.ask(&tables).await;
        let each: Vec<&str> = tables.lines().collect();
        assert!(each.len() > 10, "{each:?}");
        format!(
            "select string_agg(c.name || ' ' || c.hash, ', ' order by c.name) from ({}) as c (name, hash)",
            each.join(" union all ")
        )
    }
}

/// Opens a transaction as the functions do.
fn become_role(role: &str, user: Uuid) -> String {
    format!(
        "begin; select set_config('role', '{role}', true),
        set_config('request.jwt.claims', '{{\"sub\":\"{user}\",\"role\":\"{role}\"}}', true)"
    )
}

fn lines(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default()),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}
