//! Takes our own filters on the user out of SQL, so that nothing but row level security stands between two users.
//!
//! Under row level security every row that a statement sees is its user's. So a filter on the user, and a join on
//! it, is always true there, and a database without them must answer as one with them.

use std::sync::LazyLock;

use regex_lite::Regex;
use tokio_postgres::Client;

use crate::stack::Error;

/// What compares the user of a row, or the hash that stands for one in `erasures`, with anything.
const FILTER: &str = r"(?x)
    \b (?: [a-z_]+ \. )? (?: user_id | subject ) \s* = \s*
    (?:
        \( \s* select \s+ memories \. (?: user_id | subject ) \( \) \s* \)
        | memories \. (?: user_id | subject ) \( \)
        | [vp] _ (?: user_id | subject ) \b
        | [a-z_]+ \. (?: user_id | subject ) \b
        | % \d \$ L
    )";

/// What compares them in a way that [`FILTER`] does not know.
const LEFT: &str = r"(?x)
    \b (?: user_id | subject ) \s* (?: [=<>!] | \b (?: in | is | between | like | any ) \b )
    | \b user_id \s* , [^()]* \) \s* (?: [=<>!] | in \b )
    | [=<>] \s* (?: \( \s* select \s+ )? (?: memories \. (?: user_id | subject ) \( \) | [vp] _ user_id \b )";

/// The tables of users' rows.
const USERS_ROWS: &str = r"(?x)
    \b memories \. (?: sessions | turns | turn_embeddings | adapter_syncs | audit | retention | erasures ) \b";

/// A statement or a function's body without its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfiltered {
    /// What is left.
    pub sql: String,
    /// How many were taken out.
    pub removed: usize,
    /// Why this cannot stand for what it was: a comparison that is not known here, or none at all where users'
    /// rows are read.
    pub fault: Option<&'static str>,
}

/// Takes the filters out of a statement or a body.
#[must_use]
pub fn without(sql: &str) -> Unfiltered {
    static FILTERS: LazyLock<[Option<Regex>; 3]> =
        LazyLock::new(|| [FILTER, LEFT, USERS_ROWS].map(|pattern| Regex::new(pattern).ok()));
    let [Some(filter), Some(left), Some(users_rows)] = &*FILTERS else {
        return Unfiltered {
            sql: sql.to_owned(),
            removed: 0,
            fault: Some("a pattern is malformed"),
        };
    };
    let removed = filter.find_iter(sql).count();
    let without = filter.replace_all(sql, "true").into_owned();
    let fault = if left.is_match(&without.replace(":=", "")) {
        Some("compares the user in a way that is not known here")
    } else if removed == 0 && users_rows.is_match(&without) {
        Some("reads users' rows without a filter of its own")
    } else {
        None
    };
    Unfiltered {
        sql: without,
        removed,
        fault,
    }
}

/// A function of the schema that runs with the rights of its caller, and that somebody may call.
#[derive(Debug, Clone)]
pub struct Stripped {
    /// Its name and arguments.
    pub name: String,
    /// What became of it.
    pub body: Unfiltered,
}

/// Replaces every function that runs with the rights of its caller, and that anybody but the owner may call, by
/// itself without filters.
///
/// # Errors
/// When the database refuses one.
pub async fn remove_from(admin: &Client) -> Result<Vec<Stripped>, Error> {
    let functions = "
        select p.oid::regprocedure::text, pg_get_functiondef(p.oid)
        from pg_proc as p
        where p.pronamespace = 'memories'::regnamespace
            and not p.prosecdef
            and p.prosqlbody is null
            and exists (select from aclexplode(p.proacl) as a where a.grantee <> p.proowner)
        order by 1";
    let mut stripped = Vec::new();
    for row in admin.query(functions, &[]).await? {
        let (name, definition): (String, String) = (row.get(0), row.get(1));
        let body = without(&definition);
        if body.removed > 0 {
            admin.batch_execute(&body.sql).await?;
        }
        stripped.push(Stripped { name, body });
    }
    Ok(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_which_the_schema_filters_is_taken_out() {
        for filter in [
            "user_id = (select memories.user_id())",
            "s.user_id = v_user_id",
            "t.user_id = s.user_id",
            "a.user_id = memories.user_id()",
            "e.user_id = %2$L",
            "e.subject = (select memories.subject())",
        ] {
            let sql = format!("select from memories.turns as t where {filter} and t.id = $1");
            let Unfiltered {
                sql,
                removed,
                fault,
            } = without(&sql);
            assert_eq!(
                sql,
                "select from memories.turns as t where true and t.id = $1"
            );
            assert_eq!((removed, fault), (1, None));
        }
    }

    #[test]
    fn a_comparison_that_is_not_known_is_told() {
        for odd in [
            "select from memories.turns as t where v_user_id = t.user_id",
            "select from memories.turns as t where t.user_id in (select v_user_id)",
            "select from memories.turns as t where (t.user_id, t.id) = (v_user_id, $1)",
            "select from memories.turns as t where t.user_id is not distinct from v_user_id",
            "select from memories.turns as t where t.id = $1",
        ] {
            assert!(without(odd).fault.is_some(), "{odd}");
        }
    }

    #[test]
    fn what_only_names_the_user_stays() {
        let body = "v_user_id uuid := memories.user_id(); insert into memories.audit (user_id, kind) \
            select v_user_id, 'x' where a.user_id = v_user_id on conflict (user_id, id) do nothing";
        let stripped = without(body);
        assert_eq!(stripped.sql, body.replace("a.user_id = v_user_id", "true"));
        assert_eq!((stripped.removed, stripped.fault), (1, None));
    }
}
