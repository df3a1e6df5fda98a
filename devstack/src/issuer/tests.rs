use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};

use super::*;

#[tokio::test]
async fn what_it_publishes_checks_what_its_keys_sign() {
    let issuer = Issuer::start().await.unwrap();
    let keys = [
        Key::es256("a").unwrap(),
        Key::es384("b").unwrap(),
        Key::rs256("c", 2048).unwrap(),
        Key::eddsa("d").unwrap(),
    ];
    issuer.publish(&keys.each_ref());
    let set: Value = reqwest::get(issuer.jwks_url())
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let claims = json!({ "exp": jsonwebtoken::get_current_timestamp() + 60 });
    for (place, key) in keys.iter().enumerate() {
        let jwk: Jwk = serde_json::from_value(set["keys"][place].clone()).unwrap();
        let public = DecodingKey::from_jwk(&jwk).unwrap();
        let token = key.sign(&claims).unwrap();
        let rules = Validation::new(key.algorithm());
        jsonwebtoken::decode::<Value>(token, &public, &rules).unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn it_fails_until_that_is_taken_back() {
    let issuer = Issuer::start().await.unwrap();
    let status = async || reqwest::get(issuer.jwks_url()).await.unwrap().status();
    issuer.fail_with(Some(Fault::Status(503)));
    assert_eq!(status().await, 503);
    issuer.fail_with(None);
    assert_eq!(status().await, 200);
    assert_eq!(issuer.fetches(), 2);
}
