//! Who and what: the tenant is a type of its own, so that no query can be called without one.

use uuid::Uuid;

use crate::contract::scalars::ClientId;

/// The tenant: a Supabase user, the `sub` of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

/// Our id of a session or a turn, and the client's own where that is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// The key in the database.
    pub uuid: Uuid,
    /// The client's text when it is not a UUID.
    pub external: Option<String>,
}

impl Id {
    /// A UUID in its usual form is used as it is; any other text becomes a UUIDv5 (RFC 9562) in
    /// the namespace of the user. So every retry lands on the same row without a look-up.
    pub fn resolve(user: UserId, client: &ClientId) -> Self {
        match Uuid::try_parse(client) {
            // The parser also takes braces, `urn:uuid:` and no hyphens: those stay texts.
            Ok(uuid) if client.len() == 36 => Self {
                uuid,
                external: None,
            },
            _ => Self {
                uuid: Uuid::new_v5(&user.0, client.as_bytes()),
                external: Some(client.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Id {
        let user = UserId(Uuid::from_u128(7));
        Id::resolve(user, &ClientId::parse(text).unwrap())
    }

    #[test]
    fn a_uuid_is_used_as_it_is() {
        let id = resolve("0192F0C1-2345-7abc-8def-0123456789ab");
        assert_eq!(id.uuid.to_string(), "0192f0c1-2345-7abc-8def-0123456789ab");
        assert_eq!(id.external, None);
    }

    #[test]
    fn any_other_text_becomes_the_users_own_uuid() {
        let id = resolve("msg-V1StGXR8_Z5jdHi6B");
        assert_eq!(id, resolve("msg-V1StGXR8_Z5jdHi6B"));
        assert_eq!(id.uuid.get_version_num(), 5);
        assert_eq!(id.external.as_deref(), Some("msg-V1StGXR8_Z5jdHi6B"));
        let other = UserId(Uuid::from_u128(8));
        let client = ClientId::parse("msg-V1StGXR8_Z5jdHi6B").unwrap();
        assert_ne!(id.uuid, Id::resolve(other, &client).uuid);
    }

    #[test]
    fn a_uuid_in_another_form_is_a_text() {
        assert!(
            resolve("0192f0c123457abc8def0123456789ab")
                .external
                .is_some()
        );
        assert!(
            resolve("{0192f0c1-2345-7abc-8def-0123456789ab}")
                .external
                .is_some()
        );
    }
}
