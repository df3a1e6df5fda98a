//! What can go wrong with a request, and the four separate answers about it: what the caller may
//! read, what we log, whether a retry can help, and the status.
//!
//! The rendering is RFC 9457, `application/problem+json`.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use crate::adapters;
use crate::auth::AuthError;
use crate::contract::shape::Fault;

/// Why a request was not served. `code` is stable; wording is not.
#[derive(Debug)]
pub enum Problem {
    /// The body is not JSON that we read: syntax, a lone surrogate, nesting past the limit.
    InvalidJson {
        /// Line and column, from 1; 0 and 0 when the body is not even text.
        position: (usize, usize),
    },
    /// The body, the path or the query breaks the contract; every fault is named.
    InvalidRequest(Vec<Fault>),
    /// The body is longer than [`crate::contract::MAX_BODY_BYTES`].
    BodyTooLarge,
    /// The path exists, the method does not.
    MethodNotAllowed(Vec<Method>),
    /// A body came with a content type other than JSON.
    UnsupportedMediaType,
    /// Nobody is signed in, or not in a way that we accept.
    Unauthorized(AuthError),
    /// There is no such thing, or it is another user's: the two are never told apart.
    NotFound,
    /// Known turns were sent again with another body; their places in the request.
    TurnConflict(Vec<usize>),
    /// Turns that were erased were sent again; their places in the request.
    TurnErased(Vec<usize>),
    /// The user has asked for too much; there is more after this time, of whole seconds.
    RateLimited(Duration),
    /// A delivered job can never succeed: QStash must not try again.
    JobRefused(&'static str),
    /// Another attempt at the job is running, or has just made way; come back after this time.
    JobLeased(Duration),
    /// The job's adapter was found down and is left alone for this time.
    CircuitOpen(Duration),
    /// The orchestrator is switched off by its flag.
    Disabled,
    /// Something that the request cannot do without did not answer.
    Unavailable(adapters::Error),
    /// The same for a delivered job: QStash spaces its own attempts better than one guess of ours.
    JobDelayed(adapters::Error),
    /// The deployment is wrong: a variable is missing or malformed.
    Misconfigured,
    /// A bug of ours.
    Internal(String),
}

impl Problem {
    /// A fault of one place in the request.
    pub fn fault(pointer: &str, message: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![Fault {
            pointer: pointer.to_owned(),
            message: message.into(),
        }])
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidJson { .. } => StatusCode::BAD_REQUEST,
            Self::InvalidRequest(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TurnConflict(_) => StatusCode::CONFLICT,
            Self::TurnErased(_) => StatusCode::GONE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            // Outside the registry, and what QStash takes for "never again".
            Self::JobRefused(_) => StatusCode::from_u16(489).unwrap_or(StatusCode::BAD_REQUEST),
            Self::JobLeased(_) => StatusCode::LOCKED,
            Self::Disabled
            | Self::Unavailable(_)
            | Self::JobDelayed(_)
            | Self::CircuitOpen(_)
            | Self::Misconfigured => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } => "invalid_json",
            Self::InvalidRequest(_) => "invalid_request",
            Self::BodyTooLarge => "body_too_large",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Unauthorized(_) => "unauthorized",
            Self::NotFound => "not_found",
            Self::TurnConflict(_) => "turn_conflict",
            Self::TurnErased(_) => "turn_erased",
            Self::RateLimited(_) => "rate_limited",
            Self::JobRefused(_) => "job_refused",
            Self::JobLeased(_) => "job_leased",
            Self::CircuitOpen(_) => "circuit_open",
            Self::Disabled => "orchestrator_disabled",
            Self::Unavailable(_) | Self::JobDelayed(_) => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Internal(_) => "internal",
        }
    }

    /// What the caller may read: never a source error's own words.
    fn detail(&self) -> String {
        match self {
            Self::InvalidJson { position: (0, 0) } => "The body is not UTF-8 text.".to_owned(),
            Self::InvalidJson {
                position: (line, column),
            } => {
                format!(
                    "The body is not valid JSON, or nests too deep: line {line}, column {column}."
                )
            }
            Self::InvalidRequest(faults) => match faults.len() {
                1 => "The request has a fault; `errors` names it.".to_owned(),
                n => format!("The request has {n} faults; `errors` names each."),
            },
            Self::BodyTooLarge => format!(
                "The body is longer than {} bytes.",
                crate::contract::MAX_BODY_BYTES
            ),
            Self::MethodNotAllowed(_) => "The `allow` header lists the methods.".to_owned(),
            Self::UnsupportedMediaType => "Send `content-type: application/json`.".to_owned(),
            Self::Unauthorized(error) => error.detail().to_owned(),
            Self::NotFound => "There is nothing of yours at this address.".to_owned(),
            Self::TurnConflict(_) => {
                "A known turn was sent with another body or in another session. Of the first, \
                 `onConflict: \"replace\"` makes a new revision."
                    .to_owned()
            }
            Self::TurnErased(_) => {
                "A turn that was erased was sent again. It stays erased, and nothing of the request was \
                 written."
                    .to_owned()
            }
            Self::RateLimited(_) => {
                "The user has no such request left; nothing was done. `retry-after` says when to come again."
                    .to_owned()
            }
            Self::JobRefused(reason) => (*reason).to_owned(),
            Self::JobLeased(_) => "An attempt at this job is under way.".to_owned(),
            Self::CircuitOpen(_) => "The job's adapter is down; the job waits.".to_owned(),
            Self::Disabled => "The memory orchestrator is switched off.".to_owned(),
            Self::Unavailable(error) | Self::JobDelayed(error) => format!(
                "{} did not answer in time. Nothing was half-written; send the request again.",
                error.adapter.display()
            ),
            Self::Misconfigured => "The deployment is not configured; its log says how.".to_owned(),
            Self::Internal(_) => "Something went wrong on our side.".to_owned(),
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } => "Not valid JSON",
            Self::InvalidRequest(_) => "Not a valid request",
            Self::BodyTooLarge => "Body too large",
            Self::MethodNotAllowed(_) => "Method not allowed",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::Unauthorized(_) => "Not signed in",
            Self::NotFound => "Not found",
            Self::TurnConflict(_) => "A known turn differs",
            Self::TurnErased(_) => "An erased turn came back",
            Self::RateLimited(_) => "Too many requests",
            Self::JobRefused(_) => "Job refused for good",
            Self::JobLeased(_) => "Job under way",
            Self::CircuitOpen(_) => "Adapter down",
            Self::Disabled => "Switched off",
            Self::Unavailable(_) | Self::JobDelayed(_) => "Temporarily unavailable",
            Self::Misconfigured => "Not configured",
            Self::Internal(_) => "Internal error",
        }
    }

    /// What an operator reads in the log. Holds no text of a user.
    pub fn log_text(&self) -> String {
        match self {
            Self::Unauthorized(error) => format!("{error:?}"),
            Self::Unavailable(error) | Self::JobDelayed(error) => error.to_string(),
            Self::Internal(text) => text.clone(),
            other => other.code().to_owned(),
        }
    }

    /// How long a caller should wait before trying again, when that can help at all.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(error) => Some(error.retry_after.unwrap_or(Duration::from_secs(1))),
            Self::JobDelayed(error) => error.retry_after,
            Self::RateLimited(wait) | Self::JobLeased(wait) | Self::CircuitOpen(wait) => {
                Some(*wait)
            }
            Self::Disabled => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// Whether the fault is on our side, so that it is logged as an error.
    pub fn is_ours(&self) -> bool {
        self.status().is_server_error()
    }

    /// The problem document's bytes.
    pub fn document(&self, request_id: &str) -> Vec<u8> {
        let errors = match self {
            Self::InvalidRequest(faults) => faults.clone(),
            Self::TurnConflict(places) => {
                of_turns(places, "is known with another body, or in another session")
            }
            Self::TurnErased(places) => of_turns(places, "was erased"),
            _ => Vec::new(),
        };
        let document = Document {
            r#type: format!("urn:memory-orchestrator:problem:{}", self.code()),
            title: self.title(),
            status: self.status().as_u16(),
            detail: self.detail(),
            code: self.code(),
            request_id,
            errors,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

fn of_turns(places: &[usize], message: &str) -> Vec<Fault> {
    let fault = |place: &usize| Fault {
        pointer: format!("/turns/{place}"),
        message: message.to_owned(),
    };
    places.iter().map(fault).collect()
}

/// RFC 9457's members, and our own `code`, `requestId` and `errors`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

impl From<adapters::Error> for Problem {
    fn from(error: adapters::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Self::Unauthorized(error)
    }
}
