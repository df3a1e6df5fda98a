//! A request as an endpoint sees it, the same on both hosts, and its answer.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::auth::{Caller, Unverified};
use crate::config::LimitClass;
use crate::contract::scalars::ClientId;
use crate::contract::shape::{Read, Reader};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::orchestrator::{App, Standing};
use crate::problem::Problem;

const JSON: &str = "application/json";

/// A body that was read within the limit, or was not.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Longer than [`crate::contract::MAX_BODY_BYTES`].
    TooLarge,
}

/// What a host hands over.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// As it was called, undecoded.
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// How it stands with its user's budget, once that is known.
    pub standing: OnceLock<Standing>,
}

/// What an endpoint answers when all went well.
#[derive(Debug)]
pub struct Answer {
    /// 2xx.
    pub status: StatusCode,
    /// JSON, or lines of it.
    pub body: Vec<u8>,
    /// Which of the two.
    pub content_type: &'static str,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: StatusCode, body: &impl serde::Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(body)
            .map(|body| Self {
                status,
                body,
                content_type: JSON,
            })
            .map_err(|error| Problem::Internal(error.to_string()))
    }
}

impl Answer {
    /// JSON that is written already.
    pub fn written(status: StatusCode, json: String) -> Self {
        Self {
            status,
            body: json.into_bytes(),
            content_type: JSON,
        }
    }

    /// Lines, each a JSON value.
    pub fn lines(body: Vec<u8>) -> Self {
        Self {
            status: StatusCode::OK,
            body,
            content_type: "application/x-ndjson",
        }
    }
}

impl Request {
    /// The tenant.
    pub async fn user(&self, app: &App) -> Result<UserId, Problem> {
        Ok(self.caller(app).await?.user()?)
    }

    /// Who calls.
    pub async fn caller(&self, app: &App) -> Result<Caller, Problem> {
        let caller = app.verifier.caller(&self.headers).await;
        caller.map_err(|error| match error {
            Unverified::Refused(error) => Problem::Unauthorized(error),
            Unverified::Unavailable(error) => Problem::Unavailable(error),
        })
    }

    /// Does `work` while Redis is asked whether the user has such a request left; drops it, wherever it is, when there
    /// is none. So `work` may be a reading, of the request or of the user's rows, and never a writing.
    pub async fn within_limit<T>(
        &self,
        app: &App,
        user: UserId,
        class: LimitClass,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        self.within_limit_before(None, app, user, class, work).await
    }

    /// The same for a request that has to be answered by then: Redis is not waited for any longer.
    pub async fn within_limit_before<T>(
        &self,
        deadline: Option<Deadline>,
        app: &App,
        user: UserId,
        class: LimitClass,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let Some(limits) = &app.limits else {
            return work.await;
        };
        let work = async {
            // The question is on its way before anything else begins.
            tokio::task::yield_now().await;
            work.await
        };
        match select(pin!(limits.take(class, user, deadline)), pin!(work)).await {
            Either::Left((standing, work)) => {
                self.stands(standing)?;
                work.await
            }
            Either::Right((done, taking)) => {
                self.stands(taking.await)?;
                done
            }
        }
    }

    fn stands(&self, standing: Option<Standing>) -> Result<(), Problem> {
        let Some(standing) = standing else {
            return Ok(());
        };
        let standing = self.standing.get_or_init(|| standing);
        match standing {
            Standing::Counted(verdict) if !verdict.passes => {
                let wait = Duration::from_secs(verdict.reset_seconds());
                Err(Problem::RateLimited(wait))
            }
            _ => Ok(()),
        }
    }

    /// The raw body.
    pub fn bytes(&self) -> Result<&Bytes, Problem> {
        match &self.body {
            Body::Whole(bytes) => Ok(bytes),
            Body::TooLarge => Err(Problem::BodyTooLarge),
        }
    }

    /// The body, read as `T`, or every fault of it.
    pub fn json<T: Read>(&self) -> Result<T, Problem> {
        let is_json = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split(';').next())
            .is_some_and(|mime| mime.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Problem::UnsupportedMediaType);
        }
        let bytes = self.bytes()?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| Problem::InvalidJson { position: (0, 0) })?;
        let value: Value = serde_json::from_str(text).map_err(|error| Problem::InvalidJson {
            position: (error.line(), error.column()),
        })?;
        let mut reader = Reader::default();
        refuse_nul(&value, &mut reader);
        let read = T::read(value, &mut reader);
        reader.finish(read).map_err(Problem::InvalidRequest)
    }

    /// The last segment of the path, decoded: the `{id}` of `/api/sessions/{id}`.
    pub fn last_segment(&self) -> Result<ClientId, Problem> {
        let segment = self
            .path
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or("");
        percent_decode_str(segment)
            .decode_utf8()
            .map_err(|_| "must be UTF-8".to_owned())
            .and_then(|text| ClientId::parse(&text))
            .map_err(|why| Problem::fault("/path/id", why))
    }

    /// A page's `cursor` and `limit` (1 to 100, 20 when absent).
    pub fn page(&self) -> Result<(Option<String>, u32), Problem> {
        let (mut cursor, mut limit) = (None, 20);
        for pair in self.query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "cursor" => cursor = Some(value.into_owned()),
                "limit" => {
                    limit = value
                        .parse()
                        .ok()
                        .filter(|limit| (1..=100).contains(limit))
                        .ok_or_else(|| {
                            Problem::fault("/query/limit", "must be a whole number from 1 to 100")
                        })?;
                }
                // A host adds parameters of its own (Vercel the path's).
                _ => {}
            }
        }
        Ok((cursor, limit))
    }
}

/// Postgres holds no NUL in a text, so none may come in, in whatever depth.
fn refuse_nul(value: &Value, reader: &mut Reader) {
    match value {
        Value::String(text) if text.contains('\0') => {
            reader.fault::<()>("must not hold a NUL character");
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                if item.is_string() || item.is_array() || item.is_object() {
                    reader.within(&place.to_string(), |reader| refuse_nul(item, reader));
                }
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                reader.within(name, |reader| {
                    if name.contains('\0') {
                        reader.fault::<()>("must not have a NUL character in its name");
                    }
                    refuse_nul(member, reader);
                });
            }
        }
        _ => {}
    }
}
