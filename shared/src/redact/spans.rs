//! What was found, and what becomes one placeholder.

use super::class::{Class, Classes};

/// Where something was found: byte offsets, at the borders of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// What it is.
    pub class: Class,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// Where detectors put what they find.
pub(super) struct Found {
    classes: Classes,
    by_shape: bool,
    sure: Vec<Span>,
    shapes: Vec<Span>,
}

impl Found {
    /// Only these classes are taken; `by_shape` says whether what has no more than the right shape is.
    pub(super) fn new(classes: Classes, by_shape: bool) -> Self {
        Self {
            classes,
            by_shape,
            sure: Vec::new(),
            shapes: Vec::new(),
        }
    }

    /// Something that a checksum, an anchor or its context proves.
    pub(super) fn add(&mut self, class: Class, start: usize, end: usize) {
        let custom = matches!(class, Class::Custom(_));
        if start < end && (custom || self.classes.contains(class)) {
            self.sure.push(Span { class, start, end });
        }
    }

    /// Something that has the shape of a class and nothing else to show for it.
    pub(super) fn add_shape(&mut self, class: Class, start: usize, end: usize) {
        if self.by_shape && self.classes.contains(class) {
            self.shapes.push(Span { class, start, end });
        }
    }

    /// Whether shapes count, so that a detector may spare the work.
    pub(super) fn takes_shapes(&self) -> bool {
        self.by_shape
    }

    /// In order of place, then of rank, and each once. They may overlap: a number of nine digits can be
    /// of several classes. Of shapes those are left out that touch what is surer.
    pub(super) fn spans(self) -> Vec<Span> {
        let mut spans = self.sure;
        if !self.shapes.is_empty() {
            let surer = merged(spans.clone());
            let free = |shape: &Span| {
                let next = surer.partition_point(|span| span.end <= shape.start);
                surer.get(next).is_none_or(|span| shape.end <= span.start)
            };
            spans.extend(self.shapes.into_iter().filter(free));
        }
        spans.sort_unstable_by_key(|span| (span.start, span.end, span.class));
        spans.dedup();
        spans
    }
}

/// In order of place, without overlaps: those that overlap become one that covers all of them, so that no
/// part of a value is left over. The class of the first rank names it.
pub(super) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.start, span.class));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                last.class = last.class.min(span.class);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(class: Class, start: usize, end: usize) -> Span {
        Span { class, start, end }
    }

    #[test]
    fn what_overlaps_is_covered_whole_by_the_class_of_the_first_rank() {
        let spans = vec![
            span(Class::Email, 4, 9),
            span(Class::Phone, 0, 6),
            span(Class::Phone, 9, 12),
        ];
        let expected = [span(Class::Email, 0, 9), span(Class::Phone, 9, 12)];
        assert_eq!(merged(spans), expected);
    }

    #[test]
    fn shapes_give_way_to_what_is_surer_but_not_to_each_other() {
        let mut found = Found::new(Classes::all(), true);
        found.add(Class::Card, 10, 26);
        found.add_shape(Class::BankNumber, 10, 26);
        found.add_shape(Class::Passport, 25, 30);
        found.add_shape(Class::UsSsn, 0, 9);
        found.add_shape(Class::BankNumber, 0, 9);
        found.add_shape(Class::BankNumber, 26, 30);
        let expected = [
            span(Class::UsSsn, 0, 9),
            span(Class::BankNumber, 0, 9),
            span(Class::Card, 10, 26),
            span(Class::BankNumber, 26, 30),
        ];
        assert_eq!(found.spans(), expected);
    }

    #[test]
    fn classes_that_are_off_and_shapes_that_do_not_count_are_not_taken() {
        let mut found = Found::new(Classes::default().without(Class::Email), false);
        found.add(Class::Email, 0, 1);
        found.add(Class::Url, 0, 1);
        found.add_shape(Class::BankNumber, 0, 9);
        found.add(Class::Custom(0), 0, 1);
        assert_eq!(found.spans(), [span(Class::Custom(0), 0, 1)]);
    }
}
