//! all-MiniLM-L6-v2 behind OpenAI's `/v1/embeddings`, on this machine's CPU. Development only.
//!
//! `embedder-minilm --model-dir DIR --port N [--api-key KEY]` prints one line of JSON,
//! `{"url": …}`, once it takes requests, and serves until it is killed.

mod arguments;
#[cfg(test)]
mod golden;
mod model;

use std::process::ExitCode;

use embedder_http::{EmbeddingModel as _, ModelError, Settings};
use tokio::net::TcpListener;

use crate::arguments::{Arguments, USAGE};
use crate::model::MiniLm;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embedder-minilm: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), ModelError> {
    let model = MiniLm::load(&arguments.model_dir)?;
    // The first pass pays for threads and memory; better here than in somebody's first request.
    model.embed(&["warm up".to_owned()])?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("{}", serde_json::json!({ "url": url }));
    let routes = embedder_http::router(
        model,
        Settings {
            api_key: arguments.api_key,
        },
    );
    embedder_http::serve(listener, routes).await?;
    Ok(())
}
