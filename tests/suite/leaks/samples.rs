//! Requests that hold a canary in every field, made of the OpenAPI document: a new field has one by itself, and a
//! kind of field that is not known here fails the test by its name.

use std::fs;

use devstack::stack::workspace;
use serde_json::{Map, Value, json};

use super::canaries::Canaries;

/// A method of a path.
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    /// The names of those in the query.
    pub(super) query: Vec<String>,
    /// The schema of its JSON.
    body: Option<Value>,
}

/// The committed document.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string(workspace().join("public/openapi.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let methods = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method, path, operation))
        });
        methods
            .map(|(method, path, operation)| {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let mut query = Vec::new();
                for parameter in parameters {
                    let name = parameter["name"].as_str().unwrap();
                    match parameter["in"].as_str().unwrap() {
                        "query" => query.push(name.to_owned()),
                        // `Traffic::path` knows them.
                        "path" => assert!(["id", "job"].contains(&name), "{path}: {name}"),
                        place => unreachable!("no canary for {name} in the {place} of {path}"),
                    }
                }
                let content = operation["requestBody"]["content"].as_object();
                assert!(content.is_none_or(|content| content.len() == 1), "{path}");
                let schema = content.map(|content| content["application/json"]["schema"].clone());
                Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    query,
                    body: schema,
                }
            })
            .collect()
    }

    /// Bodies that the document allows, with every word of every closed set and every alternative, and a canary in each
    /// text.
    pub(super) fn good(&self, operation: &Operation, canaries: &Canaries) -> Vec<Value> {
        let Some(schema) = &operation.body else {
            return Vec::new();
        };
        let maker = Maker {
            document: &self.0,
            canaries,
        };
        let field = format!("{} {}", operation.method, operation.path);
        (0..maker.variants(schema))
            .map(|variant| maker.pick(schema, variant, &field))
            .collect()
    }
}

struct Maker<'a> {
    document: &'a Value,
    canaries: &'a Canaries,
}

impl Maker<'_> {
    /// What a schema comes to: behind its reference, without the alternatives that are null.
    fn alternatives<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.document.pointer(name.trim_start_matches('#'));
            return self.alternatives(schema.unwrap());
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(all) = schema[choice].as_array() {
                let real = all.iter().filter(|schema| schema["type"] != "null");
                return real.flat_map(|schema| self.alternatives(schema)).collect();
            }
        }
        vec![schema]
    }

    fn variants(&self, schema: &Value) -> usize {
        let of = |schema: &Value| match (schema["enum"].as_array(), properties(schema)) {
            (Some(words), _) => words.len(),
            (None, Some(properties)) => {
                let of = properties.values().map(|schema| self.variants(schema));
                // A message part is text, or something else.
                of.max().unwrap_or(1).max(2)
            }
            (None, None) => 1,
        };
        self.alternatives(schema).into_iter().map(of).sum()
    }

    fn pick(&self, schema: &Value, variant: usize, field: &str) -> Value {
        let all = self.alternatives(schema);
        let schema = all[variant % all.len()];
        if let Some(words) = schema["enum"].as_array() {
            return words[variant % words.len()].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str(),
            kind => kind.as_str(),
        };
        match kind {
            Some("string") => self.text(schema, variant, field).into(),
            Some("integer") => schema["maximum"].clone(),
            Some("boolean") => true.into(),
            Some("array") => {
                let items = &schema["items"];
                let one = |place| self.pick(items, place, &format!("{field}/{place}"));
                (0..self.variants(items)).map(one).collect()
            }
            Some("object") if properties(schema).is_some() => {
                let properties = properties(schema).into_iter().flatten();
                let members = properties.map(|(name, schema)| {
                    let field = match name.as_str() {
                        // One session, in all requests.
                        "sessionId" => name.clone(),
                        _ => format!("{field}/{name}"),
                    };
                    (name.clone(), self.pick(schema, variant, &field))
                });
                members.collect::<Map<_, _>>().into()
            }
            Some("object") => json!({ self.canaries.of(field): self.anything(field) }),
            None if schema.as_object().is_some_and(Map::is_empty) => self.anything(field),
            _ => unreachable!("no canary for {field}, which is {schema}"),
        }
    }

    fn text(&self, schema: &Value, variant: usize, field: &str) -> String {
        match schema["format"].as_str() {
            Some("date-time") => return "2026-05-20T09:30:00Z".to_owned(),
            Some(format) => unreachable!("no canary for {field}, which is a {format}"),
            None => {}
        }
        if field.ends_with("/type") && variant.is_multiple_of(2) {
            return "text".to_owned();
        }
        if field.ends_with("/timeZone") {
            return "Europe/Lisbon".to_owned();
        }
        let text = self.canaries.of(field);
        let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        let fits = |text: &String| text.len() as u64 <= longest;
        let short = || self.canaries.each(field).into_iter().nth(variant % 4);
        let text = Some(text).filter(fits).or_else(short).filter(fits);
        text.unwrap_or_else(|| unreachable!("no room for a canary: {field}"))
    }

    fn anything(&self, field: &str) -> Value {
        let text = self.canaries.of(field);
        json!({ "url": text, "parts": [text, { &text: [text] }] })
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

/// The body with something wrong in one place, for each place: a text, a list, an object, a text that is too long; and
/// in each object a member that nobody knows. By the name of the place.
pub(super) fn spoilt(body: &Value, canaries: &Canaries, field: &str) -> Vec<Value> {
    let mut pointers = vec![String::new()];
    walk(body, "", &mut pointers);
    let mut spoilt = Vec::new();
    for pointer in pointers {
        let field = format!("{field}, spoilt at {pointer}");
        let text = canaries.of(&field);
        let mut wrong = vec![
            json!(text),
            json!([text]),
            json!({ canaries.name(&field): text }),
            json!(format!("{text} ").repeat(80)),
        ];
        if let Some(Value::Object(members)) = body.pointer(&pointer) {
            let mut members = members.clone();
            members.insert(canaries.name(&field), json!(text));
            wrong.push(members.into());
        }
        for wrong in wrong {
            let mut body = body.clone();
            *body.pointer_mut(&pointer).unwrap() = wrong;
            spoilt.push(body);
        }
    }
    spoilt
}

/// The places of a body; of a list the first item's.
fn walk(value: &Value, at: &str, pointers: &mut Vec<String>) {
    let mut step = |name: &str, value: &Value| {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers.push(pointer.clone());
        walk(value, &pointer, pointers);
    };
    match value {
        Value::Array(items) => items.iter().take(1).for_each(|item| step("0", item)),
        Value::Object(members) => members.iter().for_each(|(name, member)| step(name, member)),
        _ => {}
    }
}
