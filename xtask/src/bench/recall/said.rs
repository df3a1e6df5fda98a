//! How a turn of the data is sent to `POST /api/turns`: what a chat app would send.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::dataset::Turn;
use crate::Error;

/// The turn's body. Both speakers are people, so both have the role `user`, and the text says who spoke, as
/// group chats write it; this is the one place that decides so.
pub(in crate::bench) fn body(turn: &Turn, at: OffsetDateTime) -> Result<Value, Error> {
    Ok(json!({
        "id": turn.id,
        "role": "user",
        "content": content(turn),
        "createdAt": at.format(&Rfc3339)?,
    }))
}

/// `Ada: My canoe has a leak. [shared a photo of a canoe]`. A picture is told by its caption, as in the
/// data set's own evaluation, which reads `Ada said, "…" and shared a photo of a canoe.`
pub(in crate::bench) fn content(turn: &Turn) -> String {
    let mut content = turn.text.clone();
    if !turn.speaker.is_empty() {
        content = format!("{}: {content}", turn.speaker);
    }
    if let Some(caption) = &turn.caption {
        content = format!("{content} [shared {caption}]");
    }
    content
}

/// Whether the prompt has all of a turn's content. Letters and digits are compared, since a prompt may be
/// escaped, indented and wrapped as it likes.
pub(super) fn stands_in(content: &str, prompt: &str) -> bool {
    letters(prompt).contains(&letters(content))
}

fn letters(text: &str) -> String {
    const ESCAPES: [&str; 6] = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"];
    let mut text = text.to_owned();
    for escape in ESCAPES {
        text = text.replace(escape, "");
    }
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{body, content, stands_in};
    use crate::bench::recall::dataset::Turn;

    fn turn(caption: Option<&str>) -> Turn {
        Turn {
            id: "D1:1".to_owned(),
            speaker: "Ada".to_owned(),
            text: "A leak & <no> \"patch\".".to_owned(),
            caption: caption.map(str::to_owned),
        }
    }

    #[test]
    fn the_speaker_the_picture_and_the_date_are_told() {
        let body = body(&turn(None), datetime!(2023-05-08 13:56 UTC)).unwrap();
        assert_eq!(body["content"], "Ada: A leak & <no> \"patch\".");
        assert_eq!(body["createdAt"], "2023-05-08T13:56:00Z");
        let shared = content(&turn(Some("a photo of a canoe")));
        assert!(
            shared.ends_with("\"patch\". [shared a photo of a canoe]"),
            "{shared}"
        );
    }

    #[test]
    fn a_turn_is_known_again_however_it_is_escaped_but_only_whole() {
        let content = content(&turn(Some("a canoe")));
        for prompt in [
            "<memory>\nuser: Ada: A leak & ‹no› \"patch\". [shared a canoe]\n</memory>",
            "- Ada: A leak &amp; &lt;no&gt; &quot;patch&quot;.\n  [shared a canoe]",
        ] {
            assert!(stands_in(&content, prompt), "{prompt}");
        }
        assert!(!stands_in(
            &content,
            "user: Ada: A leak & <no> \"patch\". [shared a"
        ));
    }
}
