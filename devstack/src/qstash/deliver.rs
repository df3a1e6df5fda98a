//! One message's way: wait, attempt, wait again, until it is delivered or given up.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    callback,
    clock::now_ms,
    core::{Core, Open, lock},
    dlq,
    faults::{Attempt, DeliveryFault},
    flow::Place,
    logs,
    message::{Message, put_body},
    retry, schedules, sign,
};

/// The answer of a destination.
pub(super) struct Reply {
    /// 0 when there was no answer; the body then says why.
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    fn none(reason: String) -> Self {
        Self {
            status: 0,
            headers: HeaderMap::new(),
            body: reason.into(),
        }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The destination asks never to be sent this again.
    fn is_final(&self) -> bool {
        let asked = self.headers.get("upstash-nonretryable-error");
        self.status == 489
            && asked.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    }

    fn describe(&self) -> Value {
        let mut value = json!({ "responseStatus": self.status });
        put_body(&mut value, "responseBody", &self.body);
        value
    }
}

/// Sees one message through; `place` is its place in its queue, which it keeps to the end.
pub(super) async fn run(core: Arc<Core>, message: Arc<Message>, place: Option<Place>, open: Open) {
    let mut place = place;
    let delivered = attempts(&core, &message, place.as_mut()).await;
    if let (Some(delivered), Some(schedule)) = (delivered, &message.origin.schedule) {
        schedules::note(
            &core,
            schedule,
            &message.id,
            if delivered { "SUCCESS" } else { "FAIL" },
        );
    }
    lock(&core.pending).remove(&message.id);
    drop((place, open));
}

/// Whether it was delivered in the end; `None` if the emulator stopped first.
async fn attempts(
    core: &Arc<Core>,
    message: &Arc<Message>,
    place: Option<&mut Place>,
) -> Option<bool> {
    let early = message
        .options
        .not_before
        .saturating_sub(message.created_ms);
    let early = core.clock.scaled(Duration::from_millis(early));
    core.unless_stopped(tokio::time::sleep(early)).await?;
    if let Some(place) = place {
        core.unless_stopped(place.enter()).await?;
    }
    let mut retried = 0;
    loop {
        let reply = {
            let flow = message.options.flow.as_ref();
            let mut place = flow.map(|(key, _)| core.flow_gates.get(key).join());
            if let Some(place) = &mut place {
                core.unless_stopped(place.enter()).await?;
            }
            core.unless_stopped(there(core)).await?;
            logs::record(core, message, "ACTIVE", Value::Null);
            attempt(core, message, retried).await
        };
        if reply.is_success() {
            core.delivered.fetch_add(1, Ordering::Relaxed);
            logs::record(core, message, "DELIVERED", Value::Null);
            callback::after_attempt(core, message, &reply, retried);
            return Some(true);
        }
        callback::after_attempt(core, message, &reply, retried);
        if reply.is_final() || retried >= message.options.retries {
            core.failed.fetch_add(1, Ordering::Relaxed);
            logs::record(core, message, "FAILED", reply.describe());
            let dlq_id = dlq::bury(core, message, &reply);
            callback::after_failure(core, message, &reply, retried, &dlq_id);
            return Some(false);
        }
        let wait = retry::wait(
            retried,
            message.options.retry_delay.as_ref(),
            &reply.headers,
        );
        let wait = core.clock.scaled(wait);
        let mut error = reply.describe();
        error["nextDeliveryTime"] = now_ms().saturating_add(wait.as_millis() as u64).into();
        logs::record(core, message, "ERROR", error);
        core.unless_stopped(tokio::time::sleep(wait)).await?;
        retried += 1;
    }
}

/// Resolves when QStash is not gone.
async fn there(core: &Core) {
    while core.faults.gone() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn attempt(core: &Core, message: &Message, retried: u32) -> Reply {
    let lost = || Reply::none("a fault on purpose".to_owned());
    let attempt = Attempt {
        message_id: &message.id,
        url: &message.url,
        retried,
        body: &message.body,
    };
    match core.faults.deliver(&attempt) {
        DeliveryFault::None => send(core, message, retried).await,
        DeliveryFault::Fail => lost(),
        DeliveryFault::Delay(wait) => {
            tokio::time::sleep(wait).await;
            send(core, message, retried).await
        }
        DeliveryFault::Twice => {
            let both = tokio::join!(send(core, message, retried), send(core, message, retried));
            both.0
        }
        DeliveryFault::Again => {
            let reply = send(core, message, retried).await;
            send(core, message, retried).await;
            reply
        }
        DeliveryFault::LoseReply => {
            send(core, message, retried).await;
            lost()
        }
    }
}

async fn send(core: &Core, message: &Message, retried: u32) -> Reply {
    match try_send(core, message, retried).await {
        Ok(reply) => reply,
        Err(reason) => Reply::none(reason),
    }
}

async fn try_send(core: &Core, message: &Message, retried: u32) -> Result<Reply, String> {
    let key = lock(&core.keys).current.clone();
    let signature = sign::sign(&key, &message.url, &message.body)?;
    let mut headers = message.options.sent.clone();
    let mut put = |name: &'static str, value: &str| {
        // A name that is not a header value (it cannot come in over HTTP) is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("upstash-message-id", &message.id);
    put("upstash-retried", &retried.to_string());
    put("upstash-signature", &signature);
    put("upstash-caller-ip", &message.origin.caller_ip);
    if let Some(topic) = &message.origin.topic {
        put("upstash-topic-name", topic);
    }
    if let Some(schedule) = &message.origin.schedule {
        put("upstash-schedule-id", schedule);
    }
    let response = core
        .http
        .request(message.options.method.clone(), &message.url)
        .timeout(message.options.timeout.unwrap_or(core.timeout))
        .headers(headers)
        .body(message.body.clone())
        .send()
        .await
        .map_err(reason)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = response.bytes().await.map_err(reason)?;
    body.truncate(core.max_body);
    Ok(Reply {
        status,
        headers,
        body,
    })
}

/// The innermost cause: `error sending request` alone helps nobody.
fn reason(error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
