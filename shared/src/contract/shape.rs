//! One description per wire type, used three ways: it reads a request (naming every fault, not
//! only the first), it writes an answer, and it yields the OpenAPI schema.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::redact::Redactor;

/// What stands in a pointer for a name with personal data in it.
const HIDDEN: &str = "[hidden]";

/// One fault of a request: where, as a JSON pointer (RFC 6901), and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// A pointer into the body, or `/query/<name>` and `/path/<name>`.
    pub pointer: String,
    /// Begins with a verb; the pointer is its subject.
    pub message: String,
}

/// The place that is being read, and the faults found so far.
#[derive(Debug, Default)]
pub struct Reader {
    pointer: String,
    faults: Vec<Fault>,
}

impl Reader {
    /// A reader whose pointers begin with `prefix`.
    pub fn at(prefix: &str) -> Self {
        Self {
            pointer: prefix.to_owned(),
            faults: Vec::new(),
        }
    }

    /// Notes a fault of the present place. A client names fields as it likes, and problems stand in its logs: a name
    /// with personal data in it is not told.
    pub fn fault<T>(&mut self, message: impl Into<String>) -> Option<T> {
        let redactor = Redactor::default();
        let shown = |name| match redactor.find(name).is_empty() {
            true => name,
            false => HIDDEN,
        };
        let steps: Vec<_> = self.pointer.split('/').map(shown).collect();
        self.faults.push(Fault {
            pointer: steps.join("/"),
            message: message.into(),
        });
        None
    }

    /// Runs `read` one step further down.
    pub fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&step.replace('~', "~0").replace('/', "~1"));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    /// What was read, or every fault.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.faults),
        }
    }
}

/// The named schemas that a document refers to.
#[derive(Debug, Default)]
pub struct Schemas(pub Map<String, Value>);

impl Schemas {
    /// A reference to the schema `name`, made by `build` when it is first asked for.
    pub fn named(&mut self, name: &str, build: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Value::Null);
            let schema = build(self);
            self.0.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// A type that stands in the contract.
pub trait Shape {
    /// Its JSON schema (OpenAPI 3.1, draft 2020-12).
    fn schema(schemas: &mut Schemas) -> Value;

    /// Whether an object may leave it out.
    const OPTIONAL: bool = false;
}

/// A type that is read from a request.
pub trait Read: Shape + Sized {
    /// Reads it, or notes every fault and returns nothing.
    fn read(value: Value, reader: &mut Reader) -> Option<Self>;

    /// What an absent member means; nothing when it is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// Absent and `null` mean the same.
impl<T: Shape> Shape for Option<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        let mut schema = T::schema(schemas);
        match schema.get("type").cloned() {
            Some(Value::String(name)) if schema.get("enum").is_none() => {
                schema["type"] = json!([name, "null"]);
                schema
            }
            _ => json!({ "anyOf": [schema, { "type": "null" }] }),
        }
    }

    const OPTIONAL: bool = true;
}

impl<T: Read> Read for Option<T> {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::read(value, reader).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(schemas) })
    }
}

/// Takes one member out of an object that is being read.
pub(crate) fn member<T: Read>(
    object: &mut Map<String, Value>,
    name: &str,
    reader: &mut Reader,
) -> Option<T> {
    reader.within(name, |reader| match object.remove(name) {
        Some(value) => T::read(value, reader),
        None => T::absent().or_else(|| reader.fault("is required")),
    })
}

/// Refuses, by name, the members that nothing took.
pub(crate) fn refuse_the_rest(object: Map<String, Value>, reader: &mut Reader) {
    for name in object.keys() {
        reader.within(name, |reader| reader.fault::<()>("is not a known field"));
    }
}

/// Adds one property to an object's schema.
pub(crate) fn property<T: Shape>(
    schema: &mut Value,
    schemas: &mut Schemas,
    name: &str,
    docs: &[&str],
) {
    let mut property = T::schema(schemas);
    let text = docs
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ");
    if !text.is_empty() {
        property["description"] = Value::String(text);
    }
    schema["properties"][name] = property;
    if !T::OPTIONAL
        && let Some(required) = schema["required"].as_array_mut()
    {
        required.push(Value::String(name.to_owned()));
    }
}

/// `session_id` as it stands on the wire: `sessionId`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if upper {
            wire.extend(character.to_uppercase());
            upper = false;
        } else {
            wire.push(character);
        }
    }
    wire
}

/// Declares an object of the contract. `request` objects are read, `answer` objects are written;
/// both have a schema, with the doc comments as descriptions.
macro_rules! object {
    (@schema $name:ident { $($(#[doc = $doc:literal])* $field:ident: $type:ty),* } $closed:literal) => {
        impl $crate::contract::shape::Shape for $name {
            fn schema(schemas: &mut $crate::contract::shape::Schemas) -> serde_json::Value {
                schemas.named(stringify!($name), |schemas| {
                    let mut schema = serde_json::json!({
                        "type": "object", "properties": {}, "required": []
                    });
                    if $closed {
                        schema["additionalProperties"] = serde_json::Value::Bool(false);
                    }
                    $($crate::contract::shape::property::<$type>(
                        &mut schema,
                        schemas,
                        &$crate::contract::shape::camel_case(stringify!($field)),
                        &[$($doc),*],
                    );)*
                    schema
                })
            }
        }
    };
    (request $(#[$meta:meta])* $name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name { $($(#[doc = $doc])* pub $field: $type),* }
        $crate::contract::shape::object!(@schema $name { $($(#[doc = $doc])* $field: $type),* } true);
        impl $crate::contract::shape::Read for $name {
            fn read(
                value: serde_json::Value,
                reader: &mut $crate::contract::shape::Reader,
            ) -> Option<Self> {
                let serde_json::Value::Object(mut object) = value else {
                    return reader.fault("must be an object");
                };
                $(let $field = $crate::contract::shape::member::<$type>(
                    &mut object,
                    &$crate::contract::shape::camel_case(stringify!($field)),
                    reader,
                );)*
                $crate::contract::shape::refuse_the_rest(object, reader);
                Some(Self { $($field: $field?),* })
            }
        }
    };
    (answer $(#[$meta:meta])* $name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[doc = $doc])* pub $field: $type),* }
        $crate::contract::shape::object!(@schema $name { $($(#[doc = $doc])* $field: $type),* } false);
    };
}

/// Declares a closed set of words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub enum $name { $($(#[doc = $doc])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// Each of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it stands on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Reads the word; nothing when it is not one of these.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::contract::shape::Shape for $name {
            fn schema(_: &mut $crate::contract::shape::Schemas) -> serde_json::Value {
                serde_json::json!({ "type": "string", "enum": [$($word),*] })
            }
        }

        impl $crate::contract::shape::Read for $name {
            fn read(
                value: serde_json::Value,
                reader: &mut $crate::contract::shape::Reader,
            ) -> Option<Self> {
                value
                    .as_str()
                    .and_then(Self::from_word)
                    .or_else(|| reader.fault(concat!("must be one of", $(" ", $word),*)))
            }
        }
    };
}

pub(crate) use object;
pub(crate) use words;
