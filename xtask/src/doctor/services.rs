//! Everything else that a deployment speaks to, and the deployment itself.

use std::sync::Arc;

use memory_orchestrator::adapters::embeddings::{EmbeddableText, Embedder, TextRole};
use memory_orchestrator::adapters::http::{Outbound, send};
use memory_orchestrator::adapters::mem0::Mem0;
use memory_orchestrator::adapters::upstash::redis::Redis;
use memory_orchestrator::adapters::{Adapter, Error, ErrorKind};
use memory_orchestrator::config::{self, Config};
use memory_orchestrator::domain::ids::UserId;
use memory_orchestrator::redact::RedactedText;
use uuid::Uuid;

use super::finding::Finding;
use super::soon;

/// Whether the deployment answers where QStash will look for it.
pub(super) async fn deployment(public_url: &str, outbound: &Outbound) -> Finding {
    let area = "deployment";
    let asked = async {
        let client = outbound.client(Adapter::Upstash)?;
        let request = client.get(format!("{public_url}/api/health"));
        send(Adapter::Upstash, request, soon()).await
    };
    match asked.await {
        Ok((status, ..)) if status.is_success() => {
            Finding::ok(area, format!("{public_url}/api/health answers"))
        }
        Ok((status, ..)) => Finding::warn(
            area,
            format!(
                "{public_url}/api/health answers {}: is it deployed there?",
                status.as_u16()
            ),
        ),
        Err(error) => Finding::warn(
            area,
            format!(
                "{public_url} does not answer from here ({}): QStash must reach it",
                error.detail
            ),
        ),
    }
}

/// Each model, by one vector.
pub(super) async fn embeddings(config: &Config, outbound: &Arc<Outbound>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &config.embeddings {
        Some(model) => findings.push(embedding(model, "EMBEDDINGS", outbound).await),
        None => findings.push(Finding::warn(
            "embeddings",
            "EMBEDDINGS_URL is not set: context is found by words and recency",
        )),
    }
    if let Some(model) = &config.next_embeddings {
        findings.push(embedding(model, "EMBEDDINGS_NEXT", outbound).await);
    }
    findings
}

async fn embedding(
    model: &config::Embeddings,
    variables: &str,
    outbound: &Arc<Outbound>,
) -> Finding {
    let area = "embeddings";
    let (name, dimensions) = (model.model.clone(), model.dimensions);
    let embedder = Embedder::new(model.clone(), Arc::default(), Arc::clone(outbound));
    match embedder
        .embed(&[&EmbeddableText::ours("hello")], TextRole::Query, soon())
        .await
    {
        Ok(_) => Finding::ok(area, format!("{name} answers with {dimensions} dimensions")),
        Err(error) => Finding::fail(
            area,
            explain(&error, &format!("{variables}_API_KEY"), &name),
        ),
    }
}

/// Redis, by a ping.
pub(super) async fn redis(config: config::Redis, outbound: &Arc<Outbound>) -> Finding {
    let redis = Redis::new(config, Arc::clone(outbound));
    let pong = redis.pipeline("ping", &[&["PING"]], soon()).await;
    match pong.and_then(|answers| answers.into_iter().collect::<Result<Vec<_>, _>>()) {
        Ok(_) => Finding::ok("redis", "it answers"),
        Err(error) => Finding::fail(
            "redis",
            explain(&error, "UPSTASH_REDIS_REST_TOKEN", "Redis"),
        ),
    }
}

/// Mem0, by a search among the facts of nobody, as the service would make it.
pub(super) async fn mem0(config: config::Mem0, outbound: &Arc<Outbound>) -> Finding {
    let mem0 = Mem0::new(config, Arc::clone(outbound));
    let nobody = UserId(Uuid::nil());
    match mem0
        .search(nobody, &RedactedText::ours("hello"), 1, soon())
        .await
    {
        Ok(_) => Finding::ok("mem0", "it answers and accepts us"),
        Err(error) => Finding::fail("mem0", explain(&error, "MEM0_API_KEY", "Mem0")),
    }
}

/// A failed call, and the variable to look at.
pub(super) fn explain(error: &Error, key: &str, who: &str) -> String {
    let detail = &error.detail;
    match error.kind {
        ErrorKind::Denied => format!("{who} does not accept {key} ({detail})"),
        ErrorKind::Unreachable | ErrorKind::Timeout => format!("{who} does not answer ({detail})"),
        ErrorKind::Malformed => format!("{who} answers something else than expected: {detail}"),
        _ => format!("{who} refuses: {detail}"),
    }
}
