//! An erasure that ends at the real Mem0.

use black_box::{Deployment, run, turn, until};
use devstack::functions::Host;
use devstack::mem0::RealMem0;
use serde_json::Value;
use uuid::Uuid;

use super::{confirmed, erased};

async fn memories(mem0: &RealMem0, user: Uuid) -> usize {
    let found = reqwest::Client::new()
        .get(format!("{}/memories?user_id={user}", mem0.url()))
        .header("x-api-key", mem0.api_key())
        .send()
        .await
        .unwrap();
    assert_eq!(found.status(), 200);
    let found: Value = found.json().await.unwrap();
    found["results"].as_array().map_or(0, Vec::len)
}

#[test]
fn the_real_mem0_has_nothing_left_of_an_erased_user() {
    run(async {
        let server = devstack::postgres::shared().await.unwrap();
        let name = format!("test_mem0_{}", Uuid::new_v4().simple());
        let its_own = server.create_database(&name).await.unwrap();
        let mem0 = match RealMem0::start(&its_own.url()).await {
            Ok(mem0) => mem0,
            Err(reason) => return devstack::skipped(&format!("the real Mem0: {reason}")),
        };
        let deployment = Deployment::start(Host::Vercel, |settings| {
            let variables = [
                ("MEM0_API", "server"),
                ("MEM0_URL", mem0.url()),
                ("MEM0_API_KEY", mem0.api_key()),
                ("MEM0_INFER", "false"),
                ("MEMORY_JOB_SECONDS", "20"),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            settings.env.extend(variables);
        })
        .await;
        let (ann, ben) = (Uuid::new_v4(), Uuid::new_v4());
        for user in [ann, ben] {
            let turns = [turn("1", "I moved to Porto"), turn("2", "my cat is grey")];
            deployment.as_user(user).record("s", &turns).await;
            until(async || memories(&mem0, user).await == 2).await;
        }
        let client = deployment.as_user(ann);
        erased(&client).await;
        let record = confirmed(&deployment, &client).await;
        assert_eq!(record["mem0"], "done", "{record}");
        assert_eq!(memories(&mem0, ann).await, 0);
        assert_eq!(memories(&mem0, ben).await, 2);
        drop(mem0);
        its_own.drop().await.unwrap();
    });
}
