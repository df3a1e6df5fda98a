//! The benchmarks' private Postgres, flushing to disk as in production, and its 100,000 turns.

use devstack::certificates::Authority;
use devstack::embedder::lexical;
use devstack::postgres::{Database, Server, ServerSettings, install};
use devstack::stack::workspace;
use uuid::Uuid;

use crate::Error;

/// Users with this many turns each.
pub(super) const USERS: i32 = 50;

/// Turns of one user: in sessions of 100.
pub(super) const TURNS: i32 = 2000;

/// Who asks for context; the last of those with turns.
pub(super) const ASKING: Uuid = Uuid::from_u128(50);

/// Words of one to three syllables, the first ones more often: a salad of 20 to 50 of them a turn,
/// random directions as embeddings. `(n, m)` makes the ids, so a second run changes nothing.
const SEED: &str = "
create temporary table words as
select n, a.s || b.s || case when n % 3 = 0 then '' else c.s end as word
from generate_series(0, 3999) as n
join unnest('{ba,ko,ri,mu,ten,sol,va,pe,lin,gar,do,fi,hu,jo,ke,ny,qua,ster,wo,zi}'::text[])
    with ordinality as a (s, i) on a.i = n % 20 + 1
join unnest('{ran,mel,to,vis,ku,lo,per,sa,nid,go,be,ch,ful,mar,ox,pi,ress,tu,vo,yl}'::text[])
    with ordinality as b (s, i) on b.i = n / 20 % 20 + 1
join unnest('{den,ka,mo,su,tar,vel,lia,no,pra,zu}'::text[])
    with ordinality as c (s, i) on c.i = n / 400 + 1;
alter table words add primary key (n);

create temporary table salads as
select n, (
    select string_agg(w.word, ' ')
    from (
        select (4000 * random() * random())::integer as pick
        from generate_series(1, 20 + (random() * 30)::integer + 0 * n)
    ) as p
    join words as w on w.n = p.pick
) as text
from generate_series(1, $users * $turns) as n;

insert into memories.sessions (user_id, id, external_id, last_seq)
select format('00000000-0000-0000-0000-%s', lpad(to_hex(u), 12, '0'))::uuid,
    md5(format('session %s %s', u, s))::uuid, format('session-%s', s), 100
from generate_series(1, $users) as u, generate_series(0, $turns / 100 - 1) as s;

insert into memories.turns (user_id, id, session_id, seq, role, content, text, body_hash, created_at)
select format('00000000-0000-0000-0000-%s', lpad(to_hex(u), 12, '0'))::uuid,
    md5(format('turn %s %s', u, t))::uuid,
    md5(format('session %s %s', u, t / 100))::uuid,
    t % 100 + 1, (array['user', 'assistant'])[t % 2 + 1], to_jsonb(s.text), s.text,
    sha256(s.text::bytea), now() - (($turns - t) * interval '1 minute')
from generate_series(0, $turns - 1) as t, generate_series(1, $users) as u
join salads as s on true
where s.n = (u - 1) * $turns + t + 1;

insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
select t.user_id, t.id, '$model', 1, $dimensions, extensions.l2_normalize(v.embedding)
from memories.turns as t
cross join lateral (
    select array_agg(random() - 0.5)::real[]::extensions.halfvec as embedding
    from generate_series(1, $dimensions + 0 * t.seq)
) as v
where t.user_id <= format('00000000-0000-0000-0000-%s', lpad(to_hex($users), 12, '0'))::uuid;

insert into memories.adapter_syncs (user_id, turn_id, session_id, adapter, state, attempts, finished_at)
select t.user_id, t.id, t.session_id, 'embed', 'done', 1, now()
from memories.turns as t;
";

/// A server on `.dev/bench-postgres`, migrated. With an authority it speaks TLS as well.
pub(super) async fn start(tls: Option<Authority>) -> Result<(Server, Database), Error> {
    let home = workspace().join(".dev");
    let cache = home.join("cache");
    let installation = super::blocking(move || Ok(install(&cache)?)).await?;
    let server = Server::start(ServerSettings {
        installation,
        data_dir: home.join("bench-postgres"),
        port: None,
        tls,
        fast: false,
    })
    .await?;
    let migrations = workspace().join("migrations");
    let database = server.create_database("bench").await?;
    if let Err(outdated) = database.prepare(&migrations).await {
        eprintln!("the benchmarks' database is made anew: {outdated}");
        database.drop().await?;
        server
            .create_database("bench")
            .await?
            .prepare(&migrations)
            .await?;
    }
    Ok((server, database))
}

/// Empties the tables, keeps or makes the 100,000 turns, and leaves them vacuumed: index-only scans
/// need it.
pub(super) async fn seed(database: &Database) -> Result<(), Error> {
    let admin = database.admin().await?;
    let last = format!("delete from memories.sessions where user_id > '{ASKING}'");
    admin.batch_execute(&last).await?;
    admin
        .batch_execute("select pgmq.purge_queue('memory_embed'::text)")
        .await?;
    let row = admin
        .query_one("select count(*) from memories.turn_embeddings", &[])
        .await?;
    if row.get::<_, i64>(0) != i64::from(USERS * TURNS) {
        let spinner = indicatif::ProgressBar::new_spinner();
        spinner.enable_steady_tick(std::time::Duration::from_millis(100));
        let doing = "making 100,000 turns, once: a minute or so";
        spinner.set_message(doing);
        if spinner.is_hidden() {
            eprintln!("{doing}");
        }
        admin
            .batch_execute("truncate memories.sessions cascade")
            .await?;
        let seed = SEED
            .replace("$users", &USERS.to_string())
            .replace("$turns", &TURNS.to_string())
            .replace("$dimensions", &lexical::DIMENSIONS.to_string())
            .replace("$model", lexical::NAME);
        admin.batch_execute(&seed).await?;
        spinner.finish_and_clear();
    }
    for table in [
        "memories.sessions",
        "memories.turns",
        "memories.turn_embeddings",
        "memories.adapter_syncs",
        "pgmq.q_memory_embed",
    ] {
        admin
            .batch_execute(&format!("vacuum analyze {table}"))
            .await?;
    }
    // That of all this must not fall into a measurement.
    Ok(admin.batch_execute("checkpoint").await?)
}
