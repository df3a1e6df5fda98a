//! Answers `{}`: what a function on Vercel's Rust runtime costs before it does anything.

use vercel_runtime::{Error, Request, Response, ResponseBody, run, service_fn};

async fn hello(_: Request) -> Result<Response<ResponseBody>, Error> {
    Ok(Response::new(ResponseBody::from("{}")))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}
