//! What context is asked for: words that turns of the user really have.

use devstack::postgres::Database;
use uuid::Uuid;

use super::super::database::ASKING;
use crate::Error;

/// Sessions that go on, each with a query of eight words.
pub(super) struct Questions(Vec<(Uuid, String)>);

impl Questions {
    pub(super) async fn read(database: &Database) -> Result<Self, Error> {
        let rows = database
            .admin()
            .await?
            .query(
                "select session_id, array_to_string((string_to_array(text, ' '))[5:12], ' ')
                from memories.turns where user_id = $1 and seq % 20 = 0 order by id limit 50",
                &[&ASKING],
            )
            .await?;
        let questions: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if questions.is_empty() {
            Err("no turns to ask for".into())
        } else {
            Ok(Self(questions))
        }
    }

    /// One of them, round and round.
    pub(super) fn get(&self, number: usize) -> (Uuid, &str) {
        let (session, query) = &self.0[number % self.0.len()];
        (*session, query)
    }
}
