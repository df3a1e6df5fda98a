//! Packing a context.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::contract::answers::{ContextItem, Source};
use crate::contract::bodies::Role;
use crate::contract::scalars::Moment;
use crate::domain::packing::{Candidate, pack};
use crate::domain::tokens;

/// The budget in two bytes; then items, each of five bytes (where it comes from, who said it, session, time, place in its
/// session) and a text up to the next byte 0.
pub fn packer(data: &[u8]) {
    let Some((budget, items)) = data.split_first_chunk::<2>() else {
        return;
    };
    let budget = u32::from(u16::from_le_bytes(*budget));
    let candidates = candidates(items);
    let texts: Vec<String> = candidates.iter().map(|one| one.item.text.clone()).collect();
    let packed = pack(candidates, budget);

    assert!(packed.tokens <= budget, "{} > {budget}", packed.tokens);
    assert_eq!(packed.tokens, tokens::bound(&packed.prompt));
    let mut seen = vec![false; texts.len()];
    for item in &packed.items {
        let place = item.turn_id.map_or(0, |id| id.as_u128() as usize);
        assert!(!seen[place], "a turn twice");
        assert_eq!(item.text, texts[place]);
        seen[place] = true;
    }
    // Whatever was said, nothing of it stands outside the block.
    let blocks = usize::from(!packed.items.is_empty());
    assert_eq!(packed.prompt.matches("<memory>").count(), blocks);
    assert_eq!(packed.prompt.matches("</memory>").count(), blocks);
    assert_eq!(packed.prompt.is_empty(), packed.items.is_empty());
}

fn candidates(mut data: &[u8]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    while let Some((&[source, role, session, time, seq], rest)) = data.split_first_chunk() {
        let mut parts = rest.splitn(2, |byte| *byte == 0);
        let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
        data = parts.next().unwrap_or_default();
        let place = candidates.len();
        let is_fact = source % 4 == 3;
        let source = [
            Source::Recent,
            Source::Relevant,
            Source::Neighbor,
            Source::Fact,
        ];
        candidates.push(Candidate {
            seq: u32::from(seq),
            item: ContextItem {
                source: source[usize::from(is_fact) * 3],
                turn_id: Some(Uuid::from_u128(place as u128)),
                id: place.to_string(),
                session_id: (!is_fact).then(|| (session % 5).to_string()),
                role: Role::ALL[usize::from(role) % Role::ALL.len()],
                text: text.into_owned(),
                score: 1.0,
                created_at: Moment(
                    OffsetDateTime::UNIX_EPOCH + Duration::hours(i64::from(time) * 7),
                ),
            },
        });
    }
    candidates
}
