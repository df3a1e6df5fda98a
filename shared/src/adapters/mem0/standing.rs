//! What Mem0 has of a turn already, and what is left to do.

/// A trace that a push of some revision left at Mem0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) revision: i64,
    /// Of the memory or the event.
    pub(super) id: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A memory.
    Memory,
    /// An add that was accepted and is not done.
    Pending,
    /// An add that is done, and found nothing worth keeping.
    Empty,
}

/// What is left to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Memories to delete first: those of older revisions.
    pub(super) stale: Vec<String>,
    pub(super) next: Next,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: this revision, or a later one, is there under this id.
    Known(String),
    /// An older revision may appear any moment, and would stay beside the new one.
    Wait,
    Add,
}

pub(super) fn plan(marks: Vec<Mark>, revision: i32) -> Plan {
    let (current, old): (Vec<_>, Vec<_>) = marks
        .into_iter()
        .partition(|mark| mark.revision >= i64::from(revision));
    let waits = old.iter().any(|mark| mark.kind == Kind::Pending);
    let next = match current.into_iter().next() {
        _ if waits => Next::Wait,
        Some(mark) => Next::Known(mark.id),
        None => Next::Add,
    };
    let memories = old.into_iter().filter(|mark| mark.kind == Kind::Memory);
    Plan {
        stale: memories.map(|mark| mark.id).collect(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(revision: i64, kind: Kind) -> Mark {
        Mark {
            revision,
            id: format!("{revision}-{kind:?}"),
            kind,
        }
    }

    #[test]
    fn only_what_is_not_there_is_added_and_only_what_is_old_is_deleted() {
        use Kind::{Empty, Memory, Pending};
        let known = |id: &str| Next::Known(id.to_owned());
        for (marks, stale, next) in [
            (vec![], vec![], Next::Add),
            (vec![mark(2, Memory)], vec![], known("2-Memory")),
            (vec![mark(2, Pending)], vec![], known("2-Pending")),
            (vec![mark(2, Empty)], vec![], known("2-Empty")),
            // A late attempt at a revision that was replaced.
            (vec![mark(3, Memory)], vec![], known("3-Memory")),
            (vec![mark(1, Memory)], vec!["1-Memory"], Next::Add),
            (vec![mark(1, Empty)], vec![], Next::Add),
            (vec![mark(1, Pending)], vec![], Next::Wait),
            (vec![mark(1, Pending), mark(2, Memory)], vec![], Next::Wait),
            (
                vec![mark(1, Memory), mark(2, Memory)],
                vec!["1-Memory"],
                known("2-Memory"),
            ),
        ] {
            let plan = plan(marks.clone(), 2);
            assert_eq!(plan.stale, stale, "{marks:?}");
            assert_eq!(plan.next, next, "{marks:?}");
        }
    }
}
