//! Where QStash delivers while something else is measured: to a destination that does nothing.

use devstack::qstash::Qstash;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::Error;

/// Makes a destination that takes every delivery for done the one member of the topic, whatever was
/// in it. With `ca` QStash speaks TLS, PEM.
pub(super) async fn go_nowhere(qstash: &Qstash, ca: Option<&str>) -> Result<(), Error> {
    let client = match ca {
        None => reqwest::Client::new(),
        Some(pem) => {
            let root = reqwest::Certificate::from_pem(pem.as_bytes())?;
            reqwest::Client::builder().tls_certs_only([root]).build()?
        }
    };
    let topic = format!("{}/v2/topics/memory.sync", qstash.url());
    // There may be none yet.
    client
        .delete(&topic)
        .bearer_auth(qstash.token())
        .send()
        .await?;
    let destination = destination().await?;
    client
        .post(format!("{topic}/endpoints"))
        .bearer_auth(qstash.token())
        .header("content-type", "application/json")
        .body(json!({ "endpoints": [{ "url": destination }] }).to_string())
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

async fn destination() -> Result<String, Error> {
    const DONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut delivery, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The head and the small body come in one piece or two; either will do.
                let _ = delivery.read(&mut [0; 8192]).await;
                delivery.write_all(DONE).await
            });
        }
    });
    Ok(url)
}
