//! The header `server-timing`, in which an answer tells where its time went.

/// `total;dur=1.2, supabase;dur=0.9`, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerTiming(String);

impl ServerTiming {
    /// As the header has it.
    pub(super) fn new(header: &str) -> Self {
        Self(header.trim().to_owned())
    }

    /// Its parts, in their order; what is none is passed over.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.split(',').filter_map(|part| {
            let (name, took) = part.trim().split_once(";dur=")?;
            Some((name, took.parse().ok()?))
        })
    }

    /// One of them.
    pub(super) fn of(&self, name: &str) -> Option<f64> {
        let mut parts = self.parts();
        parts.find_map(|(part, took)| (part == name).then_some(took))
    }
}

#[cfg(test)]
mod tests {
    use super::ServerTiming;

    fn total(header: &str) -> Option<f64> {
        ServerTiming::new(header).of("total")
    }

    #[test]
    fn the_total_is_read_among_the_parts() {
        assert_eq!(total("supabase;dur=0.9, total;dur=1.25"), Some(1.25));
        assert_eq!(total("supabase;dur=0.9"), None);
    }
}
