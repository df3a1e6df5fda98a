//! The body of `POST /v1/embeddings`, read and checked.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::model::EmbeddingModel;

/// How many texts one request may carry (OpenAI's limit).
const MAX_ITEMS: usize = 2048;

/// A request that the model can answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) texts: Vec<String>,
    pub(crate) encoding: Encoding,
}

/// How a vector is written in the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// A JSON array of numbers.
    #[default]
    Float,
    /// The little-endian bytes of the `f32`s, in base64; OpenAI's own SDKs ask for this.
    Base64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    input: Value,
    model: String,
    dimensions: Option<usize>,
    #[serde(default)]
    encoding_format: Encoding,
    /// An end user's id, for the provider's abuse checks; it has no effect here.
    #[serde(rename = "user")]
    _user: Option<String>,
}

impl Question {
    /// Reads a body; the first fault is the answer, as with OpenAI.
    pub(crate) fn parse(body: &[u8], model: &dyn EmbeddingModel) -> Result<Self, ApiError> {
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                format!("Invalid request body: {error}"),
            )
        })?;
        if body.model != model.name() {
            return Err(unknown_model(&body.model));
        }
        let native = model.dimensions();
        if body.dimensions.is_some_and(|wanted| wanted != native) {
            return Err(ApiError::invalid(
                "dimensions",
                format!("This model gives {native} dimensions only."),
            ));
        }
        Ok(Self {
            texts: texts(body.input)?,
            encoding: body.encoding_format,
        })
    }
}

/// 404, as OpenAI words it.
pub(crate) fn unknown_model(name: &str) -> ApiError {
    let message = format!("The model `{name}` does not exist or you do not have access to it.");
    ApiError::new(StatusCode::NOT_FOUND, message).code("model_not_found")
}

fn texts(input: Value) -> Result<Vec<String>, ApiError> {
    let items = match input {
        Value::Array(items) => items,
        one => vec![one],
    };
    if items.is_empty() {
        return Err(ApiError::invalid(
            "input",
            "Invalid 'input': the array is empty.",
        ));
    }
    if items.len() > MAX_ITEMS {
        let message = format!(
            "Invalid 'input': array too long. Expected an array with maximum length {MAX_ITEMS}, but got an array with length {} instead.",
            items.len()
        );
        return Err(ApiError::invalid("input", message).code("array_above_max_length"));
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| text(index, item))
        .collect()
}

fn text(index: usize, item: Value) -> Result<String, ApiError> {
    match item {
        Value::String(text) if text.is_empty() => Err(ApiError::invalid(
            "input",
            format!("Invalid 'input[{index}]': the text is empty."),
        )),
        Value::String(text) => Ok(text),
        // OpenAI also takes arrays of token numbers; they mean nothing to another tokenizer.
        _ => Err(ApiError::invalid(
            "input",
            format!("Invalid 'input[{index}]': expected a string."),
        )),
    }
}
