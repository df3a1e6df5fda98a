//! What is replaced before a text leaves. Read whole at start, so that a bad pattern stops the deployment
//! and not the one turn that it was for.

use super::{ConfigError, Source, env, fault};
use crate::redact::{Allowed, Classes, Config, Pattern};

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn redaction(&self) -> Result<Config, ConfigError> {
        let classes = self.or(env::MEMORY_REDACT_CLASSES, "");
        let patterns = self.or(env::MEMORY_REDACT_PATTERNS, "");
        // What is wrong with a pattern is told by quoting it, and it may show what it is to find.
        let no_patterns = |_| {
            let most = Pattern::MOST;
            let what = format!(
                "is not lines of NAME=regex, {most} at most, each with a name that no class has"
            );
            fault(env::MEMORY_REDACT_PATTERNS, &what)
        };
        Ok(Config {
            classes: Classes::parse(&classes).map_err(|_| {
                let what = "names a class that does not exist";
                fault(env::MEMORY_REDACT_CLASSES, what)
            })?,
            by_shape: false,
            custom: Pattern::parse(&patterns).map_err(no_patterns)?,
            allow: Allowed::parse(&self.or(env::MEMORY_REDACT_ALLOW, "")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::redact::Redactor;

    fn read(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from(|name| {
            let base = [
                ("DATABASE_URL", "postgres://x"),
                ("SUPABASE_JWT_SECRET", "s"),
            ];
            let mut all = set.iter().chain(&base);
            all.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn redacted(set: &[(&str, &str)], text: &str) -> String {
        let redactor = Redactor::new(read(set).unwrap().redaction);
        redactor.redact(text).as_str().to_owned()
    }

    #[test]
    fn classes_patterns_and_exceptions_come_from_the_environment() {
        let text = "see https://x.org/a, ask ann@x.org or help@x.org about EMP-123456 and T-9";
        assert_eq!(
            redacted(&[], text),
            "see https://x.org/a, ask [EMAIL_1] or [EMAIL_2] about EMP-123456 and T-9"
        );
        let set = [
            ("MEMORY_REDACT_CLASSES", "+URL"),
            (
                "MEMORY_REDACT_PATTERNS",
                "EMPLOYEE=EMP-\\d{6}\nTICKET=T-\\d",
            ),
            ("MEMORY_REDACT_ALLOW", "help@x.org"),
        ];
        assert_eq!(
            redacted(&set, text),
            "see [URL_1], ask [EMAIL_1] or help@x.org about [EMPLOYEE_1] and [TICKET_1]"
        );
        let off = [("MEMORY_REDACT_CLASSES", "-EMAIL_ADDRESS")];
        assert_eq!(redacted(&off, "ann@x.org"), "ann@x.org");
    }

    #[test]
    fn a_bad_value_is_named_and_never_shown() {
        let many = "A=hush\n".repeat(33);
        for (name, value) in [
            ("MEMORY_REDACT_CLASSES", "+HUSH"),
            ("MEMORY_REDACT_PATTERNS", "hush"),
            ("MEMORY_REDACT_PATTERNS", "HUSH=(hush"),
            ("MEMORY_REDACT_PATTERNS", "hush=x"),
            ("MEMORY_REDACT_PATTERNS", "EMAIL=hush"),
            ("MEMORY_REDACT_PATTERNS", "HUSH=hush|"),
            ("MEMORY_REDACT_PATTERNS", &many),
            ("EMBEDDINGS_TRUSTED", "hush"),
            ("EMBEDDINGS_NEXT_TRUSTED", "hush"),
        ] {
            let set = [
                (name, value),
                ("EMBEDDINGS_URL", "http://x.org"),
                ("EMBEDDINGS_NEXT_URL", "http://x.org"),
                ("EMBEDDINGS_NEXT_MODEL", "m"),
            ];
            let error = read(&set).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(
                !error.to_string().to_lowercase().contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn trust_is_declared_for_each_provider() {
        let urls = [
            ("EMBEDDINGS_URL", "http://x.org"),
            ("EMBEDDINGS_NEXT_URL", "http://y.org"),
            ("EMBEDDINGS_NEXT_MODEL", "m"),
        ];
        let trusted = |more: &[(&str, &str)]| {
            let config = read(&[&urls, more].concat()).unwrap();
            let of = |model: Option<super::super::Embeddings>| model.unwrap().trusted;
            (of(config.embeddings), of(config.next_embeddings))
        };
        assert_eq!(trusted(&[]), (false, false));
        assert_eq!(trusted(&[("EMBEDDINGS_TRUSTED", "true")]), (true, false));
        assert_eq!(
            trusted(&[("EMBEDDINGS_NEXT_TRUSTED", "true")]),
            (false, true)
        );
    }
}
