//! Who gets what is the deployment's to say.

use black_box::{on_own_deployments, turn};
use devstack::embedder::{Embedder, Settings, lexical::Lexical};
use devstack::stack::StackSettings;
use uuid::Uuid;

use super::{embedded, pushed, with};

#[test]
fn classes_patterns_and_exceptions_come_from_the_environment() {
    let set = [
        ("MEMORY_REDACT_CLASSES", "+URL,-PHONE_NUMBER"),
        (
            "MEMORY_REDACT_PATTERNS",
            "EMPLOYEE=EMP-\\d{6}\nBOAT=(?i)boat \\w+",
        ),
        ("MEMORY_REDACT_ALLOW", "help@example.com, @example.org"),
    ];
    on_own_deployments(with(&set), async |deployment| {
        let client = deployment.as_somebody();
        let told = "EMP-123456 of Boat Pixel: https://example.net/a, ann@example.net, call +351 912 345 678,
            HELP@example.com, bob@example.org";
        client.record("s", &[turn("1", told)]).await;
        client.synced("s").await;
        let left = "[EMPLOYEE_1] of [BOAT_1]: [URL_1], [EMAIL_1], call +351 912 345 678,
            HELP@example.com, bob@example.org";
        assert_eq!(embedded(deployment), [left]);
        assert_eq!(pushed(deployment), [left]);
        let classes = "select count(*) from memories.audit
            where details ->> 'class' in ('EMPLOYEE', 'BOAT', 'URL', 'EMAIL_ADDRESS')";
        assert_eq!(deployment.count(classes, &[]).await, 4);
    });
}

#[test]
fn a_provider_of_ones_own_gets_what_was_said_and_each_other_what_is_redacted() {
    let next = Embedder::start(Settings {
        model: Lexical::new("lexical-next", 384),
        ..Settings::default()
    });
    let next = next.unwrap();
    let url = format!("{}/v1/embeddings", next.url());
    let both = |settings: &mut StackSettings| {
        with(&[
            ("EMBEDDINGS_TRUSTED", "true"),
            ("EMBEDDINGS_NEXT_MODEL", "lexical-next"),
        ])(settings);
        let env = &mut settings.env;
        env.insert("EMBEDDINGS_NEXT_URL".to_owned(), url.clone());
    };
    on_own_deployments(both, async |deployment| {
        let client = deployment.as_somebody();
        let told = format!("{} {}", Uuid::new_v4(), "mail ann@example.com");
        client.record("s", &[turn("1", &told)]).await;
        client.synced("s").await;
        let redacted = told.replace("ann@example.com", "[EMAIL_1]");
        assert_eq!(embedded(deployment), [told.as_str()]);
        assert_eq!(pushed(deployment), [redacted.as_str()]);
        let texts = next.requests().texts;
        assert!(
            texts.contains(&redacted) && !texts.contains(&told),
            "{texts:?}"
        );
    });
}

#[test]
fn what_was_sent_as_it_was_said_is_not_noted_as_redacted() {
    let trusted = |settings: &mut StackSettings| {
        with(&[("EMBEDDINGS_TRUSTED", "true")])(settings);
        settings.mem0 = false;
    };
    on_own_deployments(trusted, async |deployment| {
        let client = deployment.as_somebody();
        client
            .record("s", &[turn("1", "mail ann@example.com")])
            .await;
        client.synced("s").await;
        assert_eq!(embedded(deployment), ["mail ann@example.com"]);
        let noted = "select (select count(*) from memories.audit)
            + (select count(*) from memories.turns where pii_scrubbed)";
        assert_eq!(deployment.count(noted, &[]).await, 0);
    });
}

#[test]
fn a_bad_value_is_answered_with_503_and_its_variable_named_in_the_log() {
    for (name, value) in [
        ("MEMORY_REDACT_CLASSES", "+HUSH"),
        ("MEMORY_REDACT_PATTERNS", "HUSH=(hush"),
        ("EMBEDDINGS_TRUSTED", "hush"),
    ] {
        on_own_deployments(with(&[(name, value)]), async |deployment| {
            let sessions = deployment.as_somebody().get("/api/sessions").await;
            sessions.is_problem(503, "misconfigured");
            let log = deployment.log();
            assert!(log.contains(name), "{log}");
            assert!(!log.to_lowercase().contains("hush"), "{log}");
        });
    }
}
