//! `onTurnCommitted`: turns in, durable, their jobs on the way.

use super::publish::{overall, publish};
use super::report::reported;
use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::{Recorded, Recording, StoreError};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{
    AdapterReport, AdapterStatus, RecordAdapters, RecordTurnsAnswer, RecordedTurn,
};
use crate::contract::bodies::{OnConflict, RecordTurns};
use crate::contract::shape::Fault;
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::turn::NewTurn;
use crate::problem::Problem;

/// Records turns in one round trip, then publishes their job.
pub async fn record_turns(
    app: &App,
    user: UserId,
    body: RecordTurns,
) -> Result<RecordTurnsAnswer, Problem> {
    let session = Id::of_session(user, &body.session_id);
    let ids: Vec<String> = body
        .turns
        .0
        .iter()
        .map(|turn| turn.id.to_string())
        .collect();
    let turns: Vec<NewTurn> = body
        .turns
        .0
        .into_iter()
        .map(|turn| NewTurn::new(user, &session, turn))
        .collect();
    refuse_doubles(&turns)?;

    let recording = Recording {
        session: &session,
        title: body.title.as_ref().map(|title| title.0.as_str()),
        turns: &turns,
        replace: body.on_conflict == Some(OnConflict::Replace),
        adapters: &app.job_adapters,
    };
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let (recorded, supabase) =
        reported(app.supabase.record_turns(user, &recording, deadline)).await;
    let recorded = recorded.map_err(|error| told(error, &turns))?;

    let mem0 = queued_for_mem0(app, &recorded);
    let jobs = [recorded.jobs];
    let (upstash, ()) = tokio::join!(
        publish(app, user, &jobs, Pace::Live),
        app.forget_contexts(user)
    );
    Ok(RecordTurnsAnswer {
        status: overall(&[&upstash, &mem0]),
        session_id: body.session_id.to_string(),
        turns: recorded
            .turns
            .into_iter()
            .zip(ids.into_iter().zip(&turns))
            .map(|(stored, (id, turn))| RecordedTurn {
                id,
                turn_id: turn.id.uuid,
                seq: stored.seq,
                created: stored.created,
                revision: stored.revision,
            })
            .collect(),
        adapters: RecordAdapters {
            supabase,
            upstash,
            mem0,
        },
    })
}

/// An erased turn is told by its place in the request, as a conflict is.
fn told(error: StoreError, turns: &[NewTurn]) -> Problem {
    match error {
        StoreError::TurnErased(ids) => {
            let is_erased = |(_, turn): &(usize, &NewTurn)| ids.contains(&turn.id.uuid);
            let places = turns.iter().enumerate().filter(is_erased);
            Problem::TurnErased(places.map(|(place, _)| place).collect())
        }
        error => error.into(),
    }
}

/// Mem0 is fed by a job: here it is only told whether that job has a chance.
fn queued_for_mem0(app: &App, recorded: &Recorded) -> AdapterReport {
    let status = match (&app.mem0, &recorded.down.mem0) {
        (None, _) => AdapterStatus::Skipped,
        (Some(_), Some(_)) => AdapterStatus::Error,
        (Some(_), None) if recorded.jobs.mem0.is_some() => AdapterStatus::Ok,
        (Some(_), None) => AdapterStatus::Skipped,
    };
    AdapterReport {
        status,
        ..AdapterReport::skipped()
    }
}

/// Two turns of one request may not be one turn: which of them would be the repeat?
fn refuse_doubles(turns: &[NewTurn]) -> Result<(), Problem> {
    let mut seen = std::collections::HashMap::new();
    let mut faults = Vec::new();
    for (place, turn) in turns.iter().enumerate() {
        if let Some(first) = seen.insert(turn.id.uuid, place) {
            faults.push(Fault {
                pointer: format!("/turns/{place}/id"),
                message: format!("is the same as /turns/{first}/id"),
            });
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::InvalidRequest(faults))
    }
}
