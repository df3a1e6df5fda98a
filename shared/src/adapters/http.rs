//! The one HTTP client for calls that leave: TLS roots, time-outs, no redirects.
//!
//! HTTPS uses rustls with Mozilla's roots compiled in: they cost nothing to load, where OpenSSL
//! would parse 140 certificates in each cold start. (Postgres keeps `postgres-native-tls`.)

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;

/// A client that is built when it is first used, so that a function which calls nobody pays nothing.
#[derive(Debug)]
pub struct Outbound {
    extra_roots: Option<String>,
    client: OnceLock<Client>,
}

impl Outbound {
    /// `extra_roots` are trusted beside Mozilla's, PEM.
    pub fn new(extra_roots: Option<String>) -> Self {
        Self {
            extra_roots,
            client: OnceLock::new(),
        }
    }

    /// The client; an error is a malformed root or a bug.
    pub fn client(&self, adapter: Adapter) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let built = build(self.extra_roots.as_deref())
            .map_err(|detail| Error::new(adapter, ErrorKind::Refused, detail))?;
        Ok(self.client.get_or_init(|| built))
    }
}

fn build(extra_roots: Option<&str>) -> Result<Client, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for certificate in CertificateDer::pem_slice_iter(extra_roots.unwrap_or("").as_bytes()) {
        certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()))
            .map_err(|error| format!("OUTBOUND_CA_PEM: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(2))
        .pool_idle_timeout(Duration::from_secs(50))
        .build()
        .map_err(|error| error.to_string())
}

/// The longest answer that is read. No call asks for more vectors than fit into it.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What came back: the status, the headers and the whole body.
type Exchanged = (StatusCode, http::HeaderMap, bytes::Bytes);

/// Sends a request and reads the whole answer before the deadline. Every status is an answer here.
///
/// A connection that breaks is replaced once: after a freeze a kept one may be long dead, and shows it
/// only when it is used. So a request must be safe to send twice; all of ours are.
pub async fn send(
    adapter: Adapter,
    request: RequestBuilder,
    deadline: Deadline,
) -> Result<Exchanged, Error> {
    let again = request.try_clone();
    let exchange = async {
        match (exchange(request).await, again) {
            (Err(error), Some(again)) if !error.is_timeout() => exchange(again).await,
            (result, _) => result,
        }
    };
    match tokio::time::timeout_at(deadline.instant(), exchange).await {
        Err(_) => Err(Error::new(
            adapter,
            ErrorKind::Timeout,
            "no answer before the deadline",
        )),
        Ok(Err(error)) => {
            let kind = if error.is_timeout() {
                ErrorKind::Timeout
            } else {
                ErrorKind::Unreachable
            };
            // Its Display has the URL, which may hold credentials.
            Err(Error::new(adapter, kind, error.without_url().to_string()))
        }
        Ok(Ok(None)) => Err(Error::new(
            adapter,
            ErrorKind::Malformed,
            "an answer without end",
        )),
        Ok(Ok(Some(answer))) => Ok(answer),
    }
}

/// Nothing when the answer is too long.
async fn exchange(request: RequestBuilder) -> Result<Option<Exchanged>, reqwest::Error> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some((status, headers, body.freeze())))
}

/// What a status other than 2xx means.
pub fn refusal(adapter: Adapter, status: StatusCode, headers: &http::HeaderMap) -> Error {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled,
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Busy,
        _ if status.is_server_error() => ErrorKind::Busy,
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
            ErrorKind::Denied
        }
        _ => ErrorKind::Refused,
    };
    Error {
        adapter,
        kind,
        detail: format!("status {}", status.as_u16()),
        retry_after: wait(headers),
    }
}

/// How long the other side wants to be left alone, in whole seconds since that is what we pass on: OpenAI's and
/// Azure's `retry-after-ms`, which is the finer one, or `retry-after`. A date is not understood; nobody sends one.
fn wait(headers: &http::HeaderMap) -> Option<Duration> {
    let number =
        |name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
    let finer = number("retry-after-ms").map(|milliseconds| milliseconds.div_ceil(1000));
    finer
        .or_else(|| number("retry-after"))
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_wait_is_taken_from_whoever_names_one() {
        for (headers, seconds) in [
            (&[("retry-after", "7")][..], Some(7)),
            (&[("retry-after-ms", "1500")], Some(2)),
            (&[("retry-after", "60"), ("retry-after-ms", "20")], Some(1)),
            (&[("retry-after", "7"), ("retry-after-ms", "soon")], Some(7)),
            (&[("retry-after", "-1")], None),
            (&[], None),
        ] {
            let headers = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            let error = refusal(Adapter::Embeddings, StatusCode::TOO_MANY_REQUESTS, &headers);
            assert_eq!(error.kind, ErrorKind::Throttled);
            assert_eq!(error.retry_after, seconds.map(Duration::from_secs));
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Until nobody reads any more.
            while stream.write_all(&[b' '; 65536]).is_ok() {}
        });
        let outbound = Outbound::new(None);
        let request = outbound.client(Adapter::Mem0).unwrap().get(url);
        let deadline = Deadline::after(Duration::from_secs(20));
        let error = send(Adapter::Mem0, request, deadline).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Malformed);
    }
}
