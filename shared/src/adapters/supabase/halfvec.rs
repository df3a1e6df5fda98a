//! pgvector's `halfvec` as a parameter in binary. Its type id differs from database to database,
//! so it is learnt once per process.

use pgvector::HalfVector;
use tokio_postgres::types::{Kind, Type};

use super::error::within;
use super::{Supabase, error};
use crate::adapters::Error;
use crate::domain::deadline::Deadline;

/// `halfvec` and `halfvec[]`.
#[derive(Debug, Clone)]
pub(super) struct HalfvecTypes {
    pub(super) one: Type,
    pub(super) many: Type,
}

const LOOK_UP: &str = "
select t.oid, t.typarray
from pg_catalog.pg_type as t
where t.oid = 'extensions.halfvec'::regtype";

impl Supabase {
    /// The types, from the database the first time. Whoever comes while another asks waits for that, and not past its
    /// own deadline.
    pub(super) async fn halfvec_types(&self, deadline: Deadline) -> Result<&HalfvecTypes, Error> {
        let learning = self.halfvec.get_or_try_init(|| async {
            let connection = self.connection(deadline).await?;
            let rows = within(deadline, connection.query_typed(LOOK_UP, &[])).await?;
            let row = rows.first().ok_or_else(error::late)?;
            let named = |name: &str, oid, kind| {
                Type::new(name.to_owned(), oid, kind, "extensions".to_owned())
            };
            let one = named("halfvec", row.get(0), Kind::Simple);
            let many = named("_halfvec", row.get(1), Kind::Array(one.clone()));
            Ok(HalfvecTypes { one, many })
        });
        tokio::time::timeout_at(deadline.instant(), learning)
            .await
            .unwrap_or_else(|_| Err(error::late()))
    }
}

/// As it is stored: half the size, and far more precise than an embedding is.
pub(super) fn half(vector: &[f32]) -> HalfVector {
    HalfVector::from_f32_slice(vector)
}
