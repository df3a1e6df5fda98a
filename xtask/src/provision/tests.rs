//! From the environment to an account and back, over the local QStash.

use std::collections::BTreeMap;

use devstack::qstash::{Qstash, Settings};
use memory_orchestrator::adapters::upstash::qstash::Schedule;

use super::{apply, look, soon, target::Target};

/// An environment, and the account that it names.
struct Bench {
    _qstash: Qstash,
    env: BTreeMap<&'static str, String>,
}

impl Bench {
    async fn start() -> Self {
        let qstash = Qstash::start(Settings::default()).await.unwrap();
        let env = BTreeMap::from([
            ("QSTASH_URL", qstash.url().to_owned()),
            ("QSTASH_TOKEN", qstash.token().to_owned()),
            (
                "MEMORY_PUBLIC_URL",
                "https://memory.example.com/".to_owned(),
            ),
        ]);
        Self {
            _qstash: qstash,
            env,
        }
    }

    fn target(&self) -> Target {
        self.read(None).unwrap_or_else(|error| panic!("{error}"))
    }

    fn read(&self, url: Option<&str>) -> Result<Target, crate::Error> {
        Target::read(url, |name| self.env.get(name).cloned())
    }

    /// Provisions; what was changed, as the first letters of the lines.
    async fn provision(&self, prune: bool) -> String {
        let target = self.target();
        let steps = look(&target, prune).await.unwrap();
        apply(&target, &steps).await.unwrap();
        steps
            .iter()
            .map(|step| step.to_string().remove(0))
            .collect()
    }

    async fn endpoints(&self) -> Vec<String> {
        self.target()
            .qstash
            .subscribers(soon())
            .await
            .unwrap()
            .unwrap()
    }

    async fn schedules(&self) -> Vec<Schedule> {
        self.target().qstash.schedules(soon()).await.unwrap()
    }

    /// The error of looking at the account, or of reading the environment.
    async fn error(&self) -> String {
        match self.read(None) {
            Err(error) => error.to_string(),
            Ok(target) => look(&target, false).await.unwrap_err().to_string(),
        }
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let bench = Bench::start().await;
    assert_eq!(bench.provision(false).await, "+++");
    let (endpoints, schedules) = (bench.endpoints().await, bench.schedules().await);
    assert_eq!(endpoints, ["https://memory.example.com/api/jobs/embed"]);
    assert_eq!(schedules, [bench.target().wanted.schedule]);
    assert_eq!(bench.provision(false).await, "===");
    assert_eq!(bench.endpoints().await, endpoints);
    assert_eq!(bench.schedules().await, schedules);
}

#[tokio::test]
async fn looking_changes_nothing() {
    let bench = Bench::start().await;
    look(&bench.target(), true).await.unwrap();
    let topic = bench.target().qstash.subscribers(soon()).await.unwrap();
    assert_eq!(topic, None);
    assert!(bench.schedules().await.is_empty());
}

#[tokio::test]
async fn mem0_comes_and_goes_with_its_key() {
    let mut bench = Bench::start().await;
    bench.env.insert("MEM0_API_KEY", "key".to_owned());
    assert_eq!(bench.provision(false).await, "++++");
    assert_eq!(bench.endpoints().await.len(), 2);
    bench.env.remove("MEM0_API_KEY");
    assert_eq!(bench.provision(false).await, "==-=");
    assert_eq!(
        bench.endpoints().await,
        ["https://memory.example.com/api/jobs/embed"]
    );
}

#[tokio::test]
async fn a_deployment_that_moved_takes_its_schedule_along() {
    let mut bench = Bench::start().await;
    bench.provision(false).await;
    bench
        .env
        .insert("MEMORY_PUBLIC_URL", "https://new.example.com".to_owned());
    assert_eq!(bench.provision(false).await, "=+!-");
    assert_eq!(bench.endpoints().await.len(), 2);
    assert_eq!(bench.provision(true).await, "==-=");
    assert_eq!(
        bench.endpoints().await,
        ["https://new.example.com/api/jobs/embed"]
    );
    let schedules = bench.schedules().await;
    assert_eq!(schedules.len(), 1);
    assert_eq!(
        schedules[0].destination,
        "https://new.example.com/api/jobs/sweep"
    );
}

#[tokio::test]
async fn a_url_may_be_named_instead() {
    let mut bench = Bench::start().await;
    bench.env.remove("MEMORY_PUBLIC_URL");
    let target = bench
        .read(Some("https://named.example.com"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(target.wanted.public_url, "https://named.example.com");
    assert!(bench.error().await.contains("MEMORY_PUBLIC_URL is missing"));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let mut bench = Bench::start().await;
    for (name, value, said) in [
        ("QSTASH_TOKEN", "wrong", "does not accept QSTASH_TOKEN"),
        ("QSTASH_TOKEN", "", "QSTASH_TOKEN is missing"),
        ("QSTASH_URL", "http://127.0.0.1:9", "does not answer"),
        ("MEMORY_PUBLIC_URL", "not a url", "MEMORY_PUBLIC_URL is not"),
    ] {
        let right = bench.env.insert(name, value.to_owned()).unwrap();
        let error = bench.error().await;
        assert!(error.contains(said), "{error}");
        bench.env.insert(name, right);
    }
    bench
        .env
        .insert("QSTASH_URL", "https://qstash.example.com".to_owned());
    bench
        .env
        .insert("MEMORY_PUBLIC_URL", "http://localhost:3000".to_owned());
    let error = bench.error().await;
    assert!(
        error.contains("cannot reach http://localhost:3000"),
        "{error}"
    );
}
