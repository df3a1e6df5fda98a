//! `/v2/schedules`: publish the same message again and again.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Extension, Path, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::{
    clock::now_ms,
    core::{Core, lock},
    cron::Cron,
    headers::{self, Options},
    message::{Origin, present, put_body},
    publish::{self, Publication},
    refusal::Refusal,
    server::Peer,
};

/// A schedule; its task ends with it.
pub(super) struct Schedule {
    cron: Cron,
    destination: String,
    headers: HeaderMap,
    options: Options,
    body: Bytes,
    caller_ip: String,
    created_ms: u64,
    paused: bool,
    last_ms: Option<u64>,
    next: Option<OffsetDateTime>,
    /// What became of the last firing's messages.
    states: BTreeMap<String, &'static str>,
    _task: Task,
}

/// Aborts the task when the schedule is dropped or replaced.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Schedule {
    fn describe(&self, id: &str) -> Value {
        let options = &self.options;
        let mut value = json!({
            "scheduleId": id,
            "cron": self.cron.text(),
            "destination": self.destination,
            "createdAt": self.created_ms,
            "method": options.method.as_str(),
            "header": headers::to_json(&options.sent),
            "retries": options.retries,
            "retryDelayExpression": options.retry_delay.as_ref().map(|delay| delay.text()),
            "callback": options.callback,
            "failureCallback": options.failure_callback,
            "queueName": options.queue,
            "flowControlKey": options.flow.as_ref().map(|(key, _)| key),
            "label": options.labels.first(),
            "labels": (!options.labels.is_empty()).then_some(&options.labels),
            "callerIP": self.caller_ip,
            "isPaused": self.paused,
            "lastScheduleTime": self.last_ms,
            "nextScheduleTime": self.next.map(|next| next.unix_timestamp() * 1_000),
            "lastScheduleStates": (!self.states.is_empty()).then_some(&self.states),
        });
        put_body(&mut value, "body", &self.body);
        present(value)
    }

    fn publication(&self, id: &str) -> Publication {
        Publication {
            destination: self.destination.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            origin: Origin {
                schedule: Some(id.to_owned()),
                caller_ip: self.caller_ip.clone(),
                ..Origin::default()
            },
        }
    }
}

/// `POST /v2/schedules/{destination}`; `Upstash-Schedule-Id` replaces the schedule of that id.
pub(super) async fn create(
    State(core): State<Arc<Core>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let cron =
        text("upstash-cron").ok_or_else(|| Refusal::bad_request("Upstash-Cron is missing"))?;
    let cron = Cron::parse(cron).map_err(Refusal::bad_request)?;
    let id = text("upstash-schedule-id")
        .map_or_else(|| format!("scd_{}", Uuid::new_v4().simple()), str::to_owned);
    let publication = Publication {
        destination: publish::tail(&uri, "/v2/schedules/"),
        headers: headers::of_message(&headers),
        body,
        origin: peer.origin(),
    };
    let (options, _) = publish::check(&core, &publication)?;
    let mut schedules = lock(&core.schedules);
    let created_ms = schedules
        .get(&id)
        .map_or_else(now_ms, |known| known.created_ms);
    let task = tokio::spawn(run(Arc::clone(&core), id.clone(), cron.clone()));
    let schedule = Schedule {
        next: cron.after(core.clock.schedule_now()),
        cron,
        destination: publication.destination,
        headers: publication.headers,
        options,
        body: publication.body,
        caller_ip: publication.origin.caller_ip,
        created_ms,
        paused: false,
        last_ms: None,
        states: BTreeMap::new(),
        _task: Task(task.abort_handle()),
    };
    schedules.insert(id.clone(), schedule);
    Ok(Json(json!({ "scheduleId": id })))
}

/// Fires at each match of the cron expression, on the clock of schedules.
async fn run(core: Arc<Core>, id: String, cron: Cron) {
    let mut now = core.clock.schedule_now();
    while let Some(next) = cron.after(now) {
        let wait = core.clock.scaled((next - now).unsigned_abs());
        if core
            .unless_stopped(tokio::time::sleep(wait))
            .await
            .is_none()
        {
            return;
        }
        // A firing that was missed is not made up for.
        now = core.clock.schedule_now().max(next);
        if let Some(schedule) = lock(&core.schedules).get_mut(&id) {
            schedule.next = cron.after(now);
            if schedule.paused || core.faults.gone() {
                continue;
            }
        }
        // An error has nobody to go to; it is a URL group that was deleted, and the next firing may find it.
        let _ = fire(&core, &id);
    }
}

/// Publishes a schedule's message now.
pub(super) fn fire(core: &Arc<Core>, id: &str) -> Result<(), Refusal> {
    let publication = {
        let mut schedules = lock(&core.schedules);
        let schedule = schedules
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found("schedule", id))?;
        schedule.last_ms = Some(now_ms());
        schedule.publication(id)
    };
    let accepted = publish::accept(core, publication)?;
    if let Some(schedule) = lock(&core.schedules).get_mut(id) {
        let sent = accepted.message_ids();
        schedule.states.retain(|known, _| sent.contains(known));
        for message in sent {
            // It may have ended by now.
            schedule.states.entry(message).or_insert("IN_PROGRESS");
        }
    }
    Ok(())
}

/// Notes the state of a message that a schedule sent.
pub(super) fn note(core: &Core, id: &str, message: &str, state: &'static str) {
    if let Some(schedule) = lock(&core.schedules).get_mut(id) {
        schedule.states.insert(message.to_owned(), state);
    }
}

/// `GET /v2/schedules`.
pub(super) async fn list(State(core): State<Arc<Core>>) -> Json<Vec<Value>> {
    let schedules = lock(&core.schedules);
    Json(
        schedules
            .iter()
            .map(|(id, schedule)| schedule.describe(id))
            .collect(),
    )
}

/// `GET /v2/schedules/{id}`.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let schedules = lock(&core.schedules);
    let schedule = schedules
        .get(&id)
        .ok_or_else(|| Refusal::not_found("schedule", &id))?;
    Ok(Json(schedule.describe(&id)))
}

/// `DELETE /v2/schedules/{id}`.
pub(super) async fn delete(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<(), Refusal> {
    let gone = lock(&core.schedules).remove(&id);
    gone.map(drop)
        .ok_or_else(|| Refusal::not_found("schedule", &id))
}

/// `PATCH /v2/schedules/{id}/pause` and `…/resume`.
///
/// One route with the others, since a destination takes the rest of the path too.
pub(super) async fn pause_or_resume(
    State(core): State<Arc<Core>>,
    Path(path): Path<String>,
) -> Response {
    let (id, paused) = match path.rsplit_once('/') {
        Some((id, "pause")) => (id, true),
        Some((id, "resume")) => (id, false),
        _ => return Refusal::not_found("path", &path).into_response(),
    };
    match lock(&core.schedules).get_mut(id) {
        Some(schedule) => {
            schedule.paused = paused;
            ().into_response()
        }
        None => Refusal::not_found("schedule", id).into_response(),
    }
}
