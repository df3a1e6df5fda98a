//! A key that Mem0 refuses: everybody can see it, jobs wait for it, and no attempts are burnt.

use black_box::{Deployment, on_own_deployments, turn, until};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{attempts, fake, kept, swept, sync, with};

/// The service's view: the status, Mem0's, and what is open.
async fn health(deployment: &Deployment) -> [Value; 3] {
    let reply = deployment.as_service().get("/api/health").await;
    reply.is(200);
    let mem0 = &reply.body["adapters"]["mem0"]["status"];
    [&reply.body["status"], mem0, &reply.body["openCircuits"]].map(Value::clone)
}

const DENIED: &str = "select count(*) from memories.adapter_states
    where adapter = 'mem0' and state = 'open' and reason = 'denied'";

#[test]
fn jobs_wait_for_a_key_that_is_refused_and_everybody_sees_it() {
    on_own_deployments(with(&[]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        fake(deployment).faults().refuse_key(true);
        client.record("s", &[turn("1", "tea")]).await;
        until(async || deployment.count(DENIED, &[]).await == 1).await;

        let second = client.record("s", &[turn("2", "milk")]).await;
        assert_eq!(second.body["status"], "partial", "{second:?}");
        assert_eq!(second.body["adapters"]["mem0"]["status"], "error");
        assert_eq!(second.body["adapters"]["upstash"]["status"], "ok");
        let open = json!([{ "adapter": "mem0", "reason": "denied" }]);
        let seen = [json!("partial"), json!("error"), open];
        assert_eq!(health(deployment).await, seen);

        // The rest goes on.
        until(async || sync(deployment, user).await["pending"]["embed"] == 0).await;
        let waits = sync(deployment, user).await;
        assert_eq!(waits["pending"]["mem0"], 2, "{waits}");
        assert_eq!(waits["status"], "partial", "{waits}");
        assert_eq!(waits["lastSyncedAt"], Value::Null, "{waits}");
        assert_eq!(attempts(deployment, user).await, 0);
        assert!(kept(deployment).is_empty());

        fake(deployment).faults().refuse_key(false);
        let look = "update memories.adapter_states set retry_at = now() where state = 'open'";
        deployment.admin().await.execute(look, &[]).await.unwrap();
        swept(deployment, user).await;
        let synced = sync(deployment, user).await;
        assert!(synced["lastSyncedAt"].is_string(), "{synced}");
        let mut texts = kept(deployment);
        texts.sort();
        assert_eq!(texts, ["milk", "tea"]);
        assert_eq!(fake(deployment).pushes().len(), 2);
        assert_eq!(
            health(deployment).await,
            [json!("ok"), json!("ok"), json!([])]
        );
        let third = client.record("s", &[turn("3", "jam")]).await;
        assert_eq!(third.body["status"], "ok", "{third:?}");
    });
}
