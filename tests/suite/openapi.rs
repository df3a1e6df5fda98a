//! The OpenAPI document: what the code's types say, what is committed, and what is served.

use black_box::{Deployment, on_both_hosts, on_own_deployments};
use devstack::schemathesis::{Caller, Effort, Schemathesis};
use devstack::stack::workspace;
use memory_orchestrator::contract::openapi;
use memory_orchestrator::endpoints;
use serde_json::Value;
use uuid::Uuid;

#[test]
fn the_committed_document_is_what_the_types_say() {
    let file = workspace().join("public/openapi.json");
    let committed = std::fs::read_to_string(file).unwrap();
    let expected = serde_json::to_string_pretty(&openapi::document()).unwrap() + "\n";
    assert!(
        committed == expected,
        "run `cargo xtask openapi` and commit public/openapi.json"
    );
}

#[test]
fn the_document_is_served_as_a_static_file() {
    on_both_hosts(async |deployment| {
        let served = deployment.as_nobody().get("/openapi.json").await;
        assert_eq!(served.status, 200);
        assert_eq!(served.body, openapi::document());
    });
}

#[test]
fn every_endpoint_and_method_is_documented_and_nothing_else() {
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap();
    let mut documented: Vec<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let mut served: Vec<(String, String)> = endpoints::ALL
        .iter()
        .flat_map(|endpoint| {
            let handlers = endpoint.handlers.iter();
            handlers.map(|(method, _)| (endpoint.route.path.to_owned(), method.to_string()))
        })
        .collect();
    documented.sort();
    served.sort();
    assert_eq!(documented, served);
}

/// The same few requests each time; `cargo xtask schemathesis` tries more.
#[test]
fn what_schemathesis_thinks_of_is_answered_as_the_document_has_it() {
    let schemathesis = match Schemathesis::ensure_installed() {
        Ok(schemathesis) => schemathesis,
        Err(missing) => return devstack::skipped(&missing.to_string()),
    };
    on_own_deployments(
        |_| {},
        async |deployment: &mut Deployment| {
            let token = deployment.stack.user_token(Uuid::new_v4()).unwrap();
            let caller = Caller::Bearer(token);
            let (max_examples, seed) = (5, 1);
            let effort = Effort { max_examples, seed };
            let verdict = schemathesis.run(&deployment.stack, &caller, effort);
            let verdict = verdict.await.unwrap();
            assert!(verdict.good, "{}", verdict.text);
        },
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = openapi::document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in &references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        let reference = format!("#/components/schemas/{name}");
        assert!(references.contains(&reference), "{name} is not used");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => references.push(text.clone()),
                    _ => collect(member, references),
                }
            }
        }
        _ => {}
    }
}
