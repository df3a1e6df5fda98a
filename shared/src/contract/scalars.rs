//! The contract's small types: ids, bounded text, numbers, lists and times.

use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::shape::{Read, Reader, Schemas, Shape};

/// The longest id that a client may choose, in characters.
pub const MAX_ID_CHARS: usize = 255;

/// An id that a client chose: 1 to 255 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientId(String);

impl ClientId {
    /// Checks a text; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        plain(text, MAX_ID_CHARS).map(Self)
    }
}

impl Deref for ClientId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for ClientId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

impl Shape for ClientId {
    fn schema(_: &mut Schemas) -> Value {
        plain_schema(MAX_ID_CHARS)
    }
}

impl Read for ClientId {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        read_plain(value, MAX_ID_CHARS, reader).map(Self)
    }
}

/// A short text: 1 to `MAX` characters without control characters.
#[derive(Debug, Clone)]
pub struct Label<const MAX: usize>(pub String);

impl<const MAX: usize> Shape for Label<MAX> {
    fn schema(_: &mut Schemas) -> Value {
        plain_schema(MAX)
    }
}

impl<const MAX: usize> Read for Label<MAX> {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        read_plain(value, MAX, reader).map(Self)
    }
}

fn plain_schema(most: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": most,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" })
}

fn read_plain(value: Value, most: usize, reader: &mut Reader) -> Option<String> {
    match value {
        Value::String(text) => plain(&text, most)
            .map_err(|why| reader.fault::<()>(why))
            .ok(),
        _ => reader.fault("must be a string"),
    }
}

/// The text, when it is 1 to `most` characters long and none of them is a control character.
fn plain(text: &str, most: usize) -> Result<String, String> {
    if text.is_empty() {
        Err("must not be empty".to_owned())
    } else if text.chars().count() > most {
        Err(format!("must be at most {most} characters long"))
    } else if text.chars().any(char::is_control) {
        Err("must not hold control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

impl Read for bool {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(flag),
            _ => reader.fault("must be true or false"),
        }
    }
}

/// Text of at most `MAX` characters.
#[derive(Debug, Clone)]
pub struct Text<const MAX: usize>(pub String);

impl<const MAX: usize> Shape for Text<MAX> {
    fn schema(_: &mut Schemas) -> Value {
        // NUL is refused everywhere in a body; here the schema can say so.
        json!({ "type": "string", "maxLength": MAX, "pattern": "^[^\\u0000]*$" })
    }
}

impl<const MAX: usize> Read for Text<MAX> {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::String(text) if text.chars().count() <= MAX => Some(Self(text)),
            Value::String(_) => reader.fault(format!("must be at most {MAX} characters long")),
            _ => reader.fault("must be a string"),
        }
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> Shape for Whole<MIN, MAX> {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl<const MIN: u32, const MAX: u32> Read for Whole<MIN, MAX> {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        // JSON has one number type: 20.0 is the integer 20 (JSON Schema says so too).
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|n| n.fract() == 0.0 && (0.0..=f64::from(MAX)).contains(n))
                .map(|n| n as u64)
        });
        whole
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (MIN..=MAX).contains(n))
            .map(Self)
            .or_else(|| reader.fault(format!("must be a whole number from {MIN} to {MAX}")))
    }
}

/// A list of `MIN` to `MAX` items.
#[derive(Debug)]
pub struct List<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T: Shape, const MIN: usize, const MAX: usize> Shape for List<T, MIN, MAX> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(schemas), "minItems": MIN, "maxItems": MAX })
    }
}

impl<T: Read, const MIN: usize, const MAX: usize> Read for List<T, MIN, MAX> {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        let Value::Array(items) = value else {
            return reader.fault("must be an array");
        };
        if !(MIN..=MAX).contains(&items.len()) {
            reader.fault::<()>(format!("must have {MIN} to {MAX} items"));
        }
        let items: Vec<Option<T>> = items
            .into_iter()
            .take(MAX)
            .enumerate()
            .map(|(place, item)| reader.within(&place.to_string(), |reader| T::read(item, reader)))
            .collect();
        items.into_iter().collect::<Option<Vec<T>>>().map(Self)
    }
}

/// Any JSON object, kept as it came.
#[derive(Debug, Clone, Serialize)]
pub struct Object(pub Map<String, Value>);

impl Shape for Object {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "object" })
    }
}

impl Read for Object {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self(object)),
            _ => reader.fault("must be an object"),
        }
    }
}

impl Shape for Value {
    fn schema(_: &mut Schemas) -> Value {
        json!({})
    }
}

impl Read for Value {
    fn read(value: Value, _: &mut Reader) -> Option<Self> {
        Some(value)
    }
}

/// A moment, RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl Shape for Moment {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

impl Read for Moment {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        value
            .as_str()
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
            // In UTC it must have a year of four digits that Postgres knows too: there is no year 0.
            .and_then(|at| at.checked_to_offset(UtcOffset::UTC))
            .filter(|at| at.year() > 0)
            .map(Self)
            .or_else(|| reader.fault("must be a time as in 2026-05-20T09:30:00Z (RFC 3339)"))
    }
}

macro_rules! plain_shapes {
    ($($type:ty => $schema:tt),* $(,)?) => {
        $(impl Shape for $type {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }
        })*
    };
}

plain_shapes! {
    String => { "type": "string" },
    &'static str => { "type": "string" },
    bool => { "type": "boolean" },
    u32 => { "type": "integer", "minimum": 0 },
    f64 => { "type": "number" },
    Uuid => { "type": "string", "format": "uuid" },
}
