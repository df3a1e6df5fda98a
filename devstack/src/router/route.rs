//! Which function serves which path.

use memory_orchestrator::endpoints::Route;
use percent_encoding::percent_decode_str;

/// A path that belongs to a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matched {
    pub(super) route: Route,
    /// `("id", "a%20b")`: the template's parameters, in order, as they stand in the path.
    pub(super) parameters: Vec<(&'static str, String)>,
}

impl Matched {
    /// The parameters with their percent-encoding undone.
    pub(super) fn decoded(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.parameters.iter().map(|(name, value)| {
            let value = percent_decode_str(value).decode_utf8_lossy();
            (*name, value.into_owned())
        })
    }

    /// API Gateway's name for the route; `ANY` because the function itself refuses a method.
    pub(super) fn key(&self) -> String {
        format!("ANY {}", self.route.path)
    }
}

/// The route of a path: literal segments go before parameters, as on both hosts.
pub(super) fn find(routes: &[Route], path: &str) -> Option<Matched> {
    routes
        .iter()
        .filter_map(|route| {
            Some(Matched {
                route: *route,
                parameters: parameters(route.path, path)?,
            })
        })
        .min_by_key(|matched| matched.parameters.len())
}

fn parameters(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut given = path.split('/');
    let mut parameters = Vec::new();
    for part in template.split('/') {
        let segment = given.next()?;
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => parameters.push((name, segment.to_owned())),
            None if part == segment => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: [Route; 4] = [
        spec("session", "/api/sessions/{id}"),
        spec("sessions-list", "/api/sessions"),
        spec("sessions-sync", "/api/sessions/sync"),
        spec("jobs", "/api/jobs/{job}"),
    ];

    const fn spec(name: &'static str, path: &'static str) -> Route {
        Route {
            name,
            path,
            file: "",
        }
    }

    fn name(path: &str) -> Option<&'static str> {
        find(&ROUTES, path).map(|matched| matched.route.name)
    }

    #[test]
    fn a_literal_segment_goes_before_a_parameter() {
        assert_eq!(name("/api/sessions/sync"), Some("sessions-sync"));
        assert_eq!(name("/api/sessions/synced"), Some("session"));
        assert_eq!(name("/api/sessions"), Some("sessions-list"));
    }

    #[test]
    fn a_path_that_is_longer_shorter_or_empty_has_no_route() {
        for path in [
            "/",
            "/api",
            "/api/sessions/",
            "/api/sessions/a/b",
            "/api/jobs",
            "/apix/jobs/embed",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    #[test]
    fn parameters_are_kept_as_sent_and_decoded_on_demand() {
        let matched = find(&ROUTES, "/api/sessions/a%20b%2Fc").unwrap();
        assert_eq!(matched.parameters, [("id", "a%20b%2Fc".to_owned())]);
        assert_eq!(
            matched.decoded().collect::<Vec<_>>(),
            [("id", "a b/c".to_owned())]
        );
        assert_eq!(matched.key(), "ANY /api/sessions/{id}");
    }
}
