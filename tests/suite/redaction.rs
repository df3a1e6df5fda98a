//! Redaction: the command over cases of others, and what the service lets leave.

mod command;
mod leaving;
mod settings;

use black_box::Deployment;
use devstack::stack::StackSettings;

/// Functions that have Mem0, and these variables.
fn with(variables: &[(&'static str, &'static str)]) -> impl Fn(&mut StackSettings) + use<> {
    let variables = variables.to_vec();
    move |settings| {
        settings.mem0 = true;
        for (name, value) in &variables {
            let (name, value) = ((*name).to_owned(), (*value).to_owned());
            settings.env.insert(name, value);
        }
    }
}

/// The texts that the embeddings provider was sent, in order. One that an attempt was cut off with comes again.
fn embedded(deployment: &Deployment) -> Vec<String> {
    let embedder = deployment.stack.embedder.as_ref().unwrap();
    let mut texts: Vec<String> = embedder.requests().texts.into();
    texts.dedup();
    texts
}

/// The texts that Mem0 was given to keep, in order.
fn pushed(deployment: &Deployment) -> Vec<String> {
    let pushes = deployment.stack.mem0.as_ref().unwrap().pushes();
    pushes.into_iter().flat_map(|push| push.texts).collect()
}
