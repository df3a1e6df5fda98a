//! Vercel's Rust runtime: plain HTTP on loopback, several requests at a time.

use std::sync::OnceLock;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use vercel_runtime::{Response, ResponseBody};

use super::Error;
use super::serve::{Service, block_on, start};
use crate::contract::MAX_BODY_BYTES;
use crate::endpoints::{Body, Endpoint, Request};

/// Serves one endpoint until the host ends the process.
pub fn serve(endpoint: &'static Endpoint) -> Result<(), Error> {
    block_on(async {
        let service = start(endpoint);
        let answer = move |request| answer(service.clone(), request);
        vercel_runtime::run(vercel_runtime::service_fn(answer)).await
    })
}

async fn answer(
    service: Service,
    request: vercel_runtime::Request,
) -> Result<Response<ResponseBody>, Error> {
    let (head, body) = request.into_parts();
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers,
        body: read(body).await?,
        standing: OnceLock::new(),
    };
    Ok(service.answer(request).await.map(ResponseBody::from))
}

/// Reads to the end even what is too long, so that the caller gets to read the answer, but keeps
/// no more of it than the limit.
async fn read<B>(mut body: B) -> Result<Body, Error>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<Error>> + Unpin,
{
    let mut whole = BytesMut::new();
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Into::into)?.into_data() {
            too_large |= whole.len() + data.len() > MAX_BODY_BYTES;
            if !too_large {
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(if too_large {
        Body::TooLarge
    } else {
        Body::Whole(whole.freeze())
    })
}
