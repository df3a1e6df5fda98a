//! What a started stack says of itself: a line of JSON for a script, or a page for a person.

use serde::Serialize;
use uuid::Uuid;

use super::{Place, Running};
use crate::Error;

/// The user that the printed token is for.
const USER: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

/// Everything a script needs to use the stack.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready {
    url: String,
    /// As the administrator.
    database_url: String,
    /// As the functions, through PgBouncer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pooler_url: Option<String>,
    jwt_secret: String,
    qstash_url: String,
    qstash_token: String,
    signing_keys: [String; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    embedder_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem0_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem0_api_key: Option<String>,
    user_id: Uuid,
    user_token: String,
    service_token: String,
    pid: u32,
    #[serde(skip)]
    logs: String,
}

impl Ready {
    pub(crate) fn of(running: &Running, place: &Place) -> Result<Self, Error> {
        let stack = &running.stack;
        let keys = stack.qstash.signing_keys();
        let (redis, mem0) = (stack.redis.as_ref(), stack.mem0.as_ref());
        Ok(Self {
            url: stack.url.clone(),
            database_url: running.database.url(),
            pooler_url: running
                .pooler
                .as_ref()
                .map(|pooler| pooler.url_for(&running.database)),
            jwt_secret: stack.jwt_secret.clone(),
            qstash_url: stack.qstash.url().to_owned(),
            qstash_token: stack.qstash.token().to_owned(),
            signing_keys: [keys.current, keys.next],
            embedder_url: stack
                .embedder
                .as_ref()
                .map(|embedder| embedder.url().to_owned()),
            redis_url: redis.map(|redis| redis.url().to_owned()),
            redis_token: redis.map(|redis| redis.token().to_owned()),
            mem0_url: mem0.map(|mem0| mem0.url().to_owned()),
            mem0_api_key: mem0.map(|mem0| mem0.api_key().to_owned()),
            user_id: USER,
            user_token: stack.user_token(USER)?,
            service_token: stack.service_token()?,
            pid: std::process::id(),
            logs: place.folder.join("logs").display().to_string(),
        })
    }

    /// Three commands that work when they are pasted.
    pub(crate) fn welcome(&self) -> String {
        let Self {
            url,
            user_token,
            user_id,
            logs,
            ..
        } = self;
        let parts = self.parts();
        format!(
            r#"
The memory orchestrator is up at {url} (logs in {logs}).

{parts}

A token of user {user_id}, good for an hour (another: cargo xtask token --user <uuid>):

  export TOKEN={user_token}

1. Record two turns:

  curl -s {url}/api/turns -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d '{{"sessionId":"hello","turns":[{{"id":"1","role":"user","content":"I moved to Lisbon in May and adopted a grey cat called Pixel."}},{{"id":"2","role":"assistant","content":"Congratulations! How is Pixel settling in?"}}]}}'

2. Wait until they are embedded:

  until curl -s {url}/api/sessions/sync -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d '{{"sessionId":"hello"}}' | grep '"embed":0'; do sleep 0.2; done

3. Get context for another conversation:

  curl -s {url}/api/context -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d '{{"query":"what is the name of my cat?"}}'

Ctrl-C stops everything and keeps the data; --fresh begins anew."#
        )
    }
    /// What the functions talk to, a line each.
    fn parts(&self) -> String {
        let absent = |why: &str| format!("none ({why})");
        let or = |url: &Option<String>, why| url.clone().unwrap_or_else(|| absent(why));
        [
            format!(
                "  QStash  {} (calls for a sweep each minute)",
                self.qstash_url
            ),
            format!(
                "  Redis   {}",
                or(&self.redis_url, "no redis-server here; nothing is cached")
            ),
            format!(
                "  Mem0    {}",
                or(&self.mem0_url, "--mem0 starts a fake of it")
            ),
        ]
        .join("\n")
    }
}
