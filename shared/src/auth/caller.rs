//! What a request's headers say of its caller.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::AuthError;
use super::claims::uuid;
use crate::domain::ids::UserId;

/// The header by which a server names the user it acts for.
pub const USER_HEADER: &str = "x-memory-user";

/// Longer ones are not read at all. Supabase's are one or two kilobytes; hosts stop at ten or so.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A signed-in user.
    User(UserId),
    /// The team's own server; the user it named, if any.
    Service(Option<UserId>),
}

impl Caller {
    /// The tenant of the request.
    pub fn user(self) -> Result<UserId, AuthError> {
        match self {
            Self::User(user) | Self::Service(Some(user)) => Ok(user),
            Self::Service(None) => Err(AuthError::NoUser),
        }
    }
}

/// The one token of a request. Two are none: which of them counts would be anybody's guess.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(AuthError::Missing);
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(AuthError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing);
    }
    Some(token.trim())
        .filter(|token| token.len() <= LONGEST_TOKEN)
        .ok_or(AuthError::BadToken)
}

/// Whom the team's server acts for.
pub(super) fn named_user(headers: &HeaderMap) -> Result<Option<UserId>, AuthError> {
    let mut values = headers.get_all(USER_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|text| uuid(text.trim()))
            .map(|user| Some(UserId(user)))
            .ok_or(AuthError::NoUser),
        (Some(_), Some(_)) => Err(AuthError::NoUser),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn there_is_one_token_of_a_bearable_length() {
        let of = |values: &[&str]| {
            let values: Vec<_> = values.iter().map(|it| ("authorization", *it)).collect();
            bearer(&headers(&values)).map(str::to_owned)
        };
        assert_eq!(of(&["Bearer a.b.c"]).unwrap(), "a.b.c");
        assert_eq!(of(&["bearer  a.b.c"]).unwrap(), "a.b.c");
        assert_eq!(of(&[]), Err(AuthError::Missing));
        assert_eq!(of(&["Basic a.b.c"]), Err(AuthError::Missing));
        assert_eq!(of(&["Bearer"]), Err(AuthError::Missing));
        assert_eq!(of(&["Bearer a", "Bearer a"]), Err(AuthError::Missing));
        let long = format!("Bearer {}", "a".repeat(LONGEST_TOKEN + 1));
        assert_eq!(of(&[&long]), Err(AuthError::BadToken));
    }

    #[test]
    fn a_server_names_one_user_or_none() {
        let user = "0192f0c1-2345-7abc-8def-0123456789ab";
        let of = |values: &[&str]| {
            let values: Vec<_> = values.iter().map(|it| (USER_HEADER, *it)).collect();
            named_user(&headers(&values)).map(|user| user.map(|user| user.0.to_string()))
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[user]), Ok(Some(user.to_owned())));
        assert_eq!(of(&["me"]), Err(AuthError::NoUser));
        assert_eq!(of(&[user, user]), Err(AuthError::NoUser));
    }
}
