//! Whether an answer is what the OpenAPI document promises. Reads as much of JSON Schema as the
//! document uses, and takes every object of ours for closed: what is not documented may not appear.

use std::sync::LazyLock;

use memory_orchestrator::contract::openapi;
use reqwest::Method;
use serde_json::Value;

use crate::reply::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);

/// Fails the test when the answer is not one that the document names for the request. A path that
/// the document does not have is not answered by us.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, reply: &Reply) {
    let Some(item) = path_item(path) else { return };
    let operation = &item[method.as_str().to_lowercase()];
    let schema = match (reply.status, operation) {
        // A method that does not exist has no operation to document it.
        (405, Value::Null) => &DOCUMENT["components"]["schemas"]["Problem"],
        _ => {
            let kind = reply.header("content-type");
            let response = &operation["responses"][reply.status.to_string()];
            &response["content"][kind]["schema"]
        }
    };
    assert!(!schema.is_null(), "not in the OpenAPI document: {reply:?}");
    if let Err(fault) = valid(&reply.body, schema, "") {
        panic!("not as the OpenAPI document has it, {fault}: {reply:?}");
    }
}

/// The entry of `paths` for a path; literal segments go before parameters.
fn path_item(path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(part, given)| part == given || part.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object()?;
    let found = paths.iter().filter(|(template, _)| fits(template));
    found
        .min_by_key(|(template, _)| template.matches('{').count())
        .map(|(_, item)| item)
}

/// What is wrong first, and where.
fn valid(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        let schema = DOCUMENT
            .pointer(pointer)
            .ok_or_else(|| format!("no {name}"))?;
        return valid(value, schema, at);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema[choice].as_array() {
            let fits = schemas
                .iter()
                .filter(|schema| valid(value, schema, at).is_ok());
            let enough = if choice == "oneOf" {
                fits.count() == 1
            } else {
                fits.count() > 0
            };
            return enough
                .then_some(())
                .ok_or_else(|| format!("{at}: {choice}"));
        }
    }
    let types = match &schema["type"] {
        Value::Null => return Ok(()),
        Value::Array(types) => types.iter().collect(),
        one => vec![one],
    };
    if !types.iter().any(|name| is_a(value, name.as_str())) {
        return Err(format!("{at}: is not a {types:?}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{at}: is none of {words:?}"));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        return Err(format!("{at}: is below {least}"));
    }
    match value {
        Value::Array(items) if !schema["items"].is_null() => items
            .iter()
            .enumerate()
            .try_for_each(|(place, item)| valid(item, &schema["items"], &format!("{at}/{place}"))),
        Value::Object(members) if !schema["properties"].is_null() => {
            for name in schema["required"].as_array().into_iter().flatten() {
                let there = name.as_str().is_some_and(|name| members.contains_key(name));
                there
                    .then_some(())
                    .ok_or_else(|| format!("{at}: lacks {name}"))?;
            }
            members
                .iter()
                .try_for_each(|(name, member)| match &schema["properties"][name] {
                    Value::Null => Err(format!("{at}/{name}: is not documented")),
                    schema => valid(member, schema, &format!("{at}/{name}")),
                })
        }
        _ => Ok(()),
    }
}

fn is_a(value: &Value, name: Option<&str>) -> bool {
    match name {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}
