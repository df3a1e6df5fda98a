//! One address for all functions: what Vercel's edge and API Gateway do in front of them.
//!
//! ```text
//! route  -> which function, and the parameters in the path
//! vercel -> the same request, to the function's process
//! lambda -> an event to the function's emulator:  event -> answer
//! fixed  -> the files of public/, and what has no route
//! ```
//!
//! It checks nothing: methods, tokens and bodies are the functions' business, and under test.

mod answer;
mod event;
mod fixed;
mod lambda;
mod route;
#[cfg(test)]
mod tests;
mod vercel;

use crate::functions::{Functions, Host};
use axum::{
    body::{Body, to_bytes},
    extract::State,
};
use http::{Request, Response, StatusCode};
use hyper_util::rt::TokioExecutor;
pub use memory_orchestrator::endpoints::Route;
use std::{io, net::TcpListener, path::PathBuf, sync::Arc};
use tokio::runtime::{Builder, Runtime};

/// More than any function takes, so that the function's own limit is what a caller meets.
const BODY_LIMIT: usize = 10 << 20;

/// How to start a [`Router`].
#[derive(Debug)]
pub struct RouterSettings {
    /// Where it listens.
    pub listener: TcpListener,
    /// What is served where.
    pub routes: Vec<Route>,
    /// The running functions, by the names of the routes.
    pub functions: Arc<Functions>,
    /// The folder of the files served beside them: `public/`.
    pub public: PathBuf,
}

/// A running router; it ends with [`Router::stop`] or when it is dropped. The functions run on.
#[derive(Debug)]
pub struct Router {
    port: u16,
    /// A runtime of its own: it outlives the test that started it and needs none to be started.
    runtime: Option<Runtime>,
}

impl Router {
    /// Ready when it returns.
    ///
    /// # Errors
    /// When there is no runtime to be had for it.
    pub fn start(settings: RouterSettings) -> io::Result<Self> {
        let RouterSettings {
            listener,
            routes,
            functions,
            public,
        } = settings;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("router")
            .enable_all()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let edge = Arc::new(Edge {
            routes,
            functions,
            public,
            client,
        });
        let service = axum::Router::new().fallback(serve).with_state(edge);
        runtime.spawn(async move { axum::serve(listener, service).await });
        Ok(Self {
            port,
            runtime: Some(runtime),
        })
    }

    /// The base URL: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops listening and cuts every connection.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait: it may be called from another runtime.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.shut_down();
    }
}

struct Edge {
    routes: Vec<Route>,
    functions: Arc<Functions>,
    public: PathBuf,
    client: vercel::Client,
}

async fn serve(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let Some(matched) = route::find(&edge.routes, path) else {
        return fixed::file(&edge.public, path);
    };
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return fixed::problem(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large");
    };
    let functions = &edge.functions;
    match functions.host() {
        Host::Vercel => vercel::proxy(functions, &edge.client, &matched, parts, body).await,
        Host::Lambda => {
            lambda::invoke(functions.clone(), edge.client.clone(), matched, parts, body)
                .await
                .map(Body::from)
        }
    }
}
