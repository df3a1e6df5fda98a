//! What somebody would send who has QStash's keys, or the issuer's, or none.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use black_box::{Signed, sign};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::traffic::Traffic;

impl Traffic<'_> {
    /// What QStash might deliver, if somebody had its keys.
    pub(super) async fn deliveries(&self) {
        let text = self.canaries.of("a delivery");
        let odd = json!({ "version": 1, "userId": self.user, "jobs": { "embed": 1, &text: text }, &text: text });
        let callback = |url: &str, body: &str| {
            let source_body = STANDARD.encode(body);
            json!({ "status": 500, "url": url, "sourceBody": source_body, "body": STANDARD.encode(&text), &text: text })
        };
        let url = format!("{}/api/jobs/embed", self.deployment.stack.url);
        for (job, body) in [
            ("embed", json!(text)),
            ("embed", odd.clone()),
            ("mem0", odd.clone()),
            ("erase", odd.clone()),
            ("sweep", odd.clone()),
            ("embed", json!({ "version": text })),
            (
                "embed",
                json!({ "version": 1, "userId": text, "jobs": text }),
            ),
            ("dead-letter", json!({ "url": text, "sourceBody": text })),
            ("dead-letter", callback(&text, &text)),
            ("dead-letter", callback(&url, &text)),
            ("dead-letter", callback(&url, &odd.to_string())),
        ] {
            let reply = Signed::new(self.deployment, job, body.to_string())
                .send()
                .await;
            self.note(reply.status, &format!("{:?}", reply.headers), &reply.bytes);
        }
        for claim in ["sub", "iss", "body", "jti"] {
            let text = self.canaries.of(&format!("the delivery's claim {claim}"));
            let reply = Signed::new(self.deployment, "embed", "{}").claim(claim, text);
            let reply = reply.send().await;
            self.note(reply.status, &format!("{:?}", reply.headers), &reply.bytes);
        }
        let service = format!("Bearer {}", self.deployment.stack.service_token().unwrap());
        let headers = [("authorization", service), ("x-memory-user", text.clone())];
        self.send(
            "POST",
            "/api/jobs/sweep",
            &headers,
            Some(&json!({ &text: text })),
        )
        .await;
        self.send("GET", "/api/health", &headers, None).await;
    }

    /// What stands in place of a token.
    pub(super) fn tokens(&self) -> Vec<String> {
        let text = self.canaries.of("the header authorization");
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "alg": "HS256", "kid": text, "typ": text }));
        let odd = part(json!({ "alg": text, "kid": text }));
        let claims =
            part(json!({ "sub": text, "role": text, "aud": text, "iss": text, "exp": text }));
        let signed = |claims: Value| sign(&claims, Algorithm::HS256);
        let exp = 4_000_000_000_u64;
        let tokens = [
            text.clone(),
            format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(&text)),
            format!("{odd}.{claims}.x"),
            signed(
                json!({ "sub": text, "role": "authenticated", "aud": "authenticated", "exp": exp }),
            ),
            signed(json!({ "sub": self.user, "role": text, "aud": "authenticated", "exp": exp })),
            signed(json!({ "sub": self.user, "role": "authenticated", "aud": text, "exp": text })),
        ];
        let mut headers: Vec<_> = tokens
            .iter()
            .map(|token| format!("Bearer {token}"))
            .collect();
        headers.push(text.clone());
        headers.push(format!("Basic {text}"));
        headers
    }
}
