//! What stands in the database and at Mem0 in the end: nothing of one user among the other's.

use uuid::Uuid;

use super::parts::Parts;
use crate::stack::Error;

/// A user, and what only this user says.
pub(super) struct Person {
    pub(super) user: Uuid,
    pub(super) mark: String,
}

/// Every table of users' rows, the queues and their archives: how to tell whose a row is.
const TABLES: &str = "
select c.oid::regclass::text, 'x.user_id::text'
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attname = 'user_id'
where c.relnamespace = 'memories'::regnamespace and c.relkind in ('r', 'p')
union all
select c.oid::regclass::text, 'x.message ->> ''userId'''
from pg_class as c
where c.relnamespace = 'pgmq'::regnamespace and c.relkind = 'r' and c.relname ~ '^[qa]_memory_'";

/// Vectors of one user that are made of a text of the other: both have said different things only.
const SHARED_VECTORS: &str = "
select count(*)
from memories.turn_embeddings as a
join memories.turn_embeddings as b on b.embedding operator(extensions.=) a.embedding
where a.user_id = $1 and b.user_id = $2";

/// What crossed over.
pub(super) async fn crossings(parts: &Parts, people: &[Person; 2]) -> Result<Vec<String>, Error> {
    let admin = parts.database.admin().await?;
    let mut crossings = Vec::new();
    let [ann, ben] = people;
    for (one, other) in [(ann, ben), (ben, ann)] {
        for table in admin.query(TABLES, &[]).await? {
            let (table, owner): (String, String) = (table.get(0), table.get(1));
            let rows = format!(
                "select count(*) from {table} as x
                where {owner} = '{}' and (x::text like '%{}%' or x::text like '%{}%')",
                one.user, other.mark, other.user
            );
            let rows: i64 = admin.query_one(&rows, &[]).await?.get(0);
            if rows > 0 {
                crossings.push(format!("{rows} rows of {table} hold what is another's"));
            }
        }
        let memories = parts.mem0.memories();
        let own = one.user.to_string();
        let theirs = memories
            .iter()
            .filter(|memory| memory.user_id.as_deref() == Some(&own));
        let strange = theirs
            .filter(|memory| memory.text.contains(&other.mark))
            .count();
        if strange > 0 {
            crossings.push(format!(
                "Mem0 holds {strange} memories of a user as another's"
            ));
        }
    }
    let users: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&ann.user, &ben.user];
    let vectors: i64 = admin.query_one(SHARED_VECTORS, &users).await?.get(0);
    if vectors > 0 {
        crossings.push(format!("{vectors} vectors are of another's text"));
    }
    Ok(crossings)
}
