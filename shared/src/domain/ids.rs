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
    /// The id of a session: a UUID in its usual form is used as it is; any other text becomes a
    /// UUIDv5 (RFC 9562) in the namespace of the user. So every retry lands on the same row without
    /// a look-up.
    pub fn of_session(user: UserId, client: &ClientId) -> Self {
        Self::resolve(user, client, client.as_bytes())
    }

    /// The id of a turn, likewise, but that the text counts within its session: turn `1` of one
    /// session is not turn `1` of another, and a conversation may be forked with its messages' ids.
    pub fn of_turn(user: UserId, session: &Self, client: &ClientId) -> Self {
        let name = [session.uuid.as_bytes().as_slice(), client.as_bytes()].concat();
        Self::resolve(user, client, &name)
    }

    fn resolve(user: UserId, client: &ClientId, name: &[u8]) -> Self {
        match Uuid::try_parse(client) {
            // The parser also takes braces, `urn:uuid:` and no hyphens: those stay texts.
            Ok(uuid) if client.len() == 36 => Self {
                uuid,
                external: None,
            },
            _ => Self {
                uuid: Uuid::new_v5(&user.0, name),
                external: Some(client.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(7));

    fn client(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn resolve(text: &str) -> Id {
        Id::of_session(USER, &client(text))
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
        let client = client("msg-V1StGXR8_Z5jdHi6B");
        assert_ne!(id.uuid, Id::of_session(other, &client).uuid);
    }

    #[test]
    fn a_text_names_a_turn_within_its_session_and_a_uuid_everywhere() {
        let (one, two) = (resolve("one"), resolve("two"));
        let turn = |session, text| Id::of_turn(USER, session, &client(text));
        assert_eq!(turn(&one, "1"), turn(&one, "1"));
        assert_ne!(turn(&one, "1").uuid, turn(&two, "1").uuid);
        let uuid = "0192f0c1-2345-7abc-8def-0123456789ab";
        assert_eq!(turn(&one, uuid), turn(&two, uuid));
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
