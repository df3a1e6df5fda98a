//! Query filters and pages over lists of JSON objects: messages, dead letters, log entries.

use axum::http::Uri;
use bytes::Bytes;
use serde_json::Value;

/// The documented largest and default page.
const PAGE: usize = 100;

/// A request's query; a value may be repeated or be a list with commas.
pub(super) struct Filter(Vec<(String, Vec<String>)>);

impl Filter {
    /// Reads the query, and `{"<ids>": […]}` in the body, where the Python SDK puts them.
    pub(super) fn new(uri: &Uri, body: &Bytes, ids: &str) -> Self {
        let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
        let query = format!("http://localhost/?{}", uri.query().unwrap_or_default());
        if let Ok(url) = reqwest::Url::parse(&query) {
            for (name, value) in url.query_pairs() {
                let values = value.split(',').map(str::to_owned);
                match pairs.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => known.extend(values),
                    None => pairs.push((name.into_owned(), values.collect())),
                }
            }
        }
        if let Ok(Value::Object(mut body)) = serde_json::from_slice(body)
            && let Some(Ok(values)) = body.remove(ids).map(serde_json::from_value)
        {
            pairs.push((ids.to_owned(), values));
        }
        Self(pairs)
    }

    /// All values of one name.
    pub(super) fn all(&self, name: &str) -> Option<&[String]> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.as_slice())
    }

    /// The first value of one name.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.all(name)?.first().map(String::as_str)
    }

    /// Whether an object passes; values of one name are alternatives, names add up.
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(name, wanted)| {
            let number = || wanted.first().and_then(|value| value.parse::<u64>().ok());
            let stamp = object["createdAt"].as_u64().or(object["time"].as_u64());
            match name.as_str() {
                "count" | "cursor" => true,
                "fromDate" => number() <= stamp,
                "toDate" => number().is_none_or(|to| stamp <= Some(to)),
                "label" => any(wanted, &object["labels"]),
                "callerIp" => any(wanted, &object["callerIP"]),
                "dlqIds" => any(wanted, &object["dlqId"]),
                "messageIds" => any(wanted, &object["messageId"]),
                "host" => url(object).is_some_and(|url| any(wanted, &url.host_str().into())),
                "path" => url(object).is_some_and(|url| any(wanted, &url.path().into())),
                name => any(wanted, &object[name]),
            }
        })
    }

    /// One page of the objects that pass, in their order, and the cursor of the next page if there is one.
    /// `id` is the field that a cursor names.
    pub(super) fn page(
        &self,
        objects: impl Iterator<Item = Value>,
        id: &str,
    ) -> (Vec<Value>, Option<String>) {
        let mut left: Vec<Value> = objects.filter(|object| self.matches(object)).collect();
        if let Some(cursor) = self.one("cursor").filter(|cursor| !cursor.is_empty()) {
            let done = left.iter().position(|object| text(&object[id]) == cursor);
            left.drain(..done.map_or(0, |done| done + 1));
        }
        let count = self.one("count").and_then(|count| count.parse().ok());
        let count = count.unwrap_or(PAGE).clamp(1, PAGE);
        let more = left.len() > count;
        left.truncate(count);
        let cursor = left.last().filter(|_| more).map(|last| text(&last[id]));
        (left, cursor)
    }
}

fn url(object: &Value) -> Option<reqwest::Url> {
    reqwest::Url::parse(object["url"].as_str()?).ok()
}

fn any(wanted: &[String], value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| any(wanted, value)),
        value => wanted.contains(&text(value)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filter(query: &str) -> Filter {
        let uri = format!("/v2/dlq?{query}").parse().expect("uri");
        Filter::new(&uri, &Bytes::new(), "dlqIds")
    }

    fn letters() -> impl Iterator<Item = Value> {
        (0..5).map(|n| {
            json!({
                "dlqId": format!("1-{n}"), "url": format!("http://a.example/{n}"), "createdAt": n,
                "responseStatus": 500 + n, "labels": ["all", format!("l{n}")],
            })
        })
    }

    #[test]
    fn values_are_alternatives_and_names_add_up() {
        for (query, count) in [
            ("", 5),
            ("responseStatus=500,501", 2),
            ("responseStatus=500&responseStatus=501&label=l1", 1),
            ("label=all&fromDate=1&toDate=3", 3),
            ("host=a.example&path=/2", 1),
            ("dlqIds=1-0", 1),
            ("queueName=q", 0),
        ] {
            let filter = filter(query);
            assert_eq!(
                letters().filter(|l| filter.matches(l)).count(),
                count,
                "{query}"
            );
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let (page, cursor) = filter("count=3").page(letters(), "dlqId");
        assert_eq!((page.len(), cursor.as_deref()), (3, Some("1-2")));
        let (page, cursor) = filter("count=3&cursor=1-2").page(letters(), "dlqId");
        assert_eq!((page.len(), cursor), (2, None));
    }

    #[test]
    fn the_body_may_name_the_ids() {
        let body = Bytes::from_static(br#"{"dlqIds":["1-4"]}"#);
        let filter = Filter::new(&Uri::from_static("/v2/dlq"), &body, "dlqIds");
        assert_eq!(letters().filter(|l| filter.matches(l)).count(), 1);
    }
}
