//! How a turn of the data is sent to `POST /api/turns`: what a chat app would send.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::dataset::Turn;
use crate::Error;

/// The turn's body. Both speakers are people, so both have the role `user` and their name, as in a group
/// chat; this is the one place that decides so.
pub(in crate::bench) fn body(turn: &Turn, at: OffsetDateTime) -> Result<Value, Error> {
    let mut body = json!({
        "id": turn.id,
        "role": "user",
        "content": content(turn),
        "createdAt": at.format(&Rfc3339)?,
    });
    if !turn.speaker.is_empty() {
        body["name"] = json!(turn.speaker);
    }
    Ok(body)
}

/// `[shared a photo of a canoe] My canoe has a leak.` A picture is told by its caption, as in the
/// data set's own evaluation, which reads `Ada said, "…" and shared a photo of a canoe.`
pub(in crate::bench) fn content(turn: &Turn) -> String {
    match &turn.caption {
        Some(caption) => format!("[shared {caption}] {}", turn.text),
        None => turn.text.clone(),
    }
}

/// The same for who knows of no names: `Ada: [shared a photo of a canoe] My canoe has a leak.`
pub(in crate::bench) fn told(turn: &Turn) -> String {
    match turn.speaker.as_str() {
        "" => content(turn),
        speaker => format!("{speaker}: {}", content(turn)),
    }
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
        assert_eq!(body["content"], "A leak & <no> \"patch\".");
        assert_eq!(body["name"], "Ada");
        assert_eq!(body["createdAt"], "2023-05-08T13:56:00Z");
        let shared = content(&turn(Some("a photo of a canoe")));
        assert!(
            shared.starts_with("[shared a photo of a canoe] A leak"),
            "{shared}"
        );
    }

    #[test]
    fn a_turn_is_known_again_however_it_is_escaped_but_only_whole() {
        let content = content(&turn(Some("a canoe")));
        for prompt in [
            "<memory>\nAda: [shared a canoe] A leak & ‹no› \"patch\".\n</memory>",
            "- Ada: [shared a canoe]\n  A leak &amp; &lt;no&gt; &quot;patch&quot;.",
        ] {
            assert!(stands_in(&content, prompt), "{prompt}");
        }
        assert!(!stands_in(&content, "Ada: [shared a canoe] A leak & <no> "));
    }
}
