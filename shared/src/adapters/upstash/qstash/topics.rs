//! URL groups: one name for several destinations.

use http::Method;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::{QStash, encode, malformed};
use crate::adapters::Error;
use crate::domain::deadline::Deadline;

#[derive(Deserialize)]
struct Topic {
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    url: String,
}

impl QStash {
    /// The members of the configured topic; `None` when there is no such topic.
    pub async fn subscribers(&self, deadline: Deadline) -> Result<Option<Vec<String>>, Error> {
        let body = self
            .call(self.request(Method::GET, "topics")?, deadline)
            .await?;
        let topics: Vec<serde_json::Value> =
            serde_json::from_slice(&body).map_err(|error| malformed(&error))?;
        let ours = topics
            .into_iter()
            .find(|topic| topic["name"] == *self.config.topic);
        let Some(topic) = ours else {
            return Ok(None);
        };
        let topic: Topic = serde_json::from_value(topic).map_err(|error| malformed(&error))?;
        let urls = topic.endpoints.into_iter().map(|endpoint| endpoint.url);
        Ok(Some(urls.collect()))
    }

    /// Makes URLs members of the configured topic, which is made when it is new. A member stays one.
    pub async fn subscribe(&self, urls: &[&str], deadline: Deadline) -> Result<(), Error> {
        self.change(Method::POST, urls, deadline).await
    }

    /// Ends the membership of URLs.
    pub async fn unsubscribe(&self, urls: &[&str], deadline: Deadline) -> Result<(), Error> {
        self.change(Method::DELETE, urls, deadline).await
    }

    async fn change(&self, method: Method, urls: &[&str], deadline: Deadline) -> Result<(), Error> {
        let endpoints: Vec<_> = urls.iter().map(|url| json!({ "url": url })).collect();
        let request = self
            .request(method, &format!("topics/{}/endpoints", self.config.topic))?
            .header(CONTENT_TYPE, "application/json")
            .body(encode(&json!({ "endpoints": endpoints }))?);
        self.call(request, deadline).await.map(drop)
    }
}
