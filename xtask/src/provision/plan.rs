//! The difference between what QStash has and what a deployment needs.

use std::fmt;

use memory_orchestrator::adapters::upstash::qstash::Schedule;

/// What a deployment needs.
pub(crate) struct Wanted {
    pub(crate) topic: String,
    /// What is below it is this deployment's.
    pub(crate) public_url: String,
    pub(crate) endpoints: Vec<String>,
    pub(crate) schedule: Schedule,
}

/// One line of the difference.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// There is none of this name; its first endpoint makes it.
    AddTopic(String),
    AddEndpoint(String),
    RemoveEndpoint(String),
    /// Somebody else's; it stays.
    Foreign {
        url: String,
        ours: String,
    },
    AddSchedule(Schedule),
    /// `from` is what it says now.
    ChangeSchedule {
        from: Schedule,
        wanted: Schedule,
    },
    /// As it should be, and stopped by somebody; it stays so.
    Paused(String),
    /// As it should be.
    Unchanged(String),
}

/// Compares. `endpoints` is `None` when there is no such topic; `prune` also removes what is not ours.
pub(crate) fn plan(
    wanted: &Wanted,
    endpoints: Option<&[String]>,
    schedule: Option<&Schedule>,
    prune: bool,
) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.push(match endpoints {
        None => Step::AddTopic(wanted.topic.clone()),
        Some(_) => Step::Unchanged(format!("topic {}", wanted.topic)),
    });
    let found = endpoints.unwrap_or_default();
    for url in &wanted.endpoints {
        steps.push(if found.contains(url) {
            Step::Unchanged(format!("endpoint {url}"))
        } else {
            Step::AddEndpoint(url.clone())
        });
    }
    let ours = format!("{}/", wanted.public_url);
    for url in found.iter().filter(|url| !wanted.endpoints.contains(url)) {
        steps.push(if prune || url.starts_with(&ours) {
            Step::RemoveEndpoint(url.clone())
        } else {
            Step::Foreign {
                url: url.clone(),
                ours: wanted.public_url.clone(),
            }
        });
    }
    let line = |schedule: &Schedule| format!("schedule {}", Line(schedule));
    steps.push(match schedule {
        None => Step::AddSchedule(wanted.schedule.clone()),
        Some(found) if !same(found, &wanted.schedule) => Step::ChangeSchedule {
            from: found.clone(),
            wanted: wanted.schedule.clone(),
        },
        Some(found) if found.paused => Step::Paused(line(found)),
        Some(found) => Step::Unchanged(line(found)),
    });
    steps
}

/// Whether nothing but a pause makes a difference.
fn same(found: &Schedule, wanted: &Schedule) -> bool {
    let running = |schedule: &Schedule| Schedule {
        paused: false,
        ..schedule.clone()
    };
    running(found) == running(wanted)
}

impl Step {
    /// Whether QStash differs from it.
    pub(crate) fn is_change(&self) -> bool {
        match self {
            Self::AddTopic(_)
            | Self::AddEndpoint(_)
            | Self::RemoveEndpoint(_)
            | Self::AddSchedule(_)
            | Self::ChangeSchedule { .. } => true,
            Self::Foreign { .. } | Self::Paused(_) | Self::Unchanged(_) => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddTopic(name) => write!(f, "+ topic {name}"),
            Self::AddEndpoint(url) => write!(f, "+ endpoint {url}"),
            Self::RemoveEndpoint(url) => write!(f, "- endpoint {url}"),
            Self::Foreign { url, ours } => {
                write!(
                    f,
                    "! endpoint {url} is not below {ours}: --prune removes it"
                )
            }
            Self::AddSchedule(wanted) => write!(f, "+ schedule {}", Line(wanted)),
            Self::ChangeSchedule { from, wanted } => {
                write!(f, "- schedule {}\n+ schedule {}", Line(from), Line(wanted))
            }
            Self::Paused(what) => write!(f, "! {what} is paused, and stays so"),
            Self::Unchanged(what) => write!(f, "= {what}"),
        }
    }
}

/// A schedule in one line.
struct Line<'a>(&'a Schedule);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule {
            id,
            cron,
            destination,
            method,
            retries,
            paused: _,
        } = self.0;
        write!(f, "{id}: {cron} {method} {destination}, {retries} retries")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://memory.example.com";
    const EMBED: &str = "https://memory.example.com/api/jobs/embed";
    const MEM0: &str = "https://memory.example.com/api/jobs/mem0";

    /// The difference to an account, line by line.
    fn lines(
        mem0: bool,
        endpoints: Option<&[&str]>,
        schedule: Option<&Schedule>,
        prune: bool,
    ) -> Vec<String> {
        let wanted = Wanted::new("memory.sync", URL, mem0);
        let endpoints: Option<Vec<String>> =
            endpoints.map(|urls| urls.iter().map(|url| (*url).to_owned()).collect());
        plan(&wanted, endpoints.as_deref(), schedule, prune)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn schedule() -> Schedule {
        Wanted::new("memory.sync", URL, false).schedule
    }

    #[test]
    fn an_empty_account_gets_all() {
        assert_eq!(
            lines(true, None, None, false),
            [
                "+ topic memory.sync",
                "+ endpoint https://memory.example.com/api/jobs/embed",
                "+ endpoint https://memory.example.com/api/jobs/mem0",
                "+ schedule memory-sweep: * * * * * POST https://memory.example.com/api/jobs/sweep, 0 retries",
            ]
        );
    }

    #[test]
    fn what_is_right_is_left() {
        let found = lines(true, Some(&[MEM0, EMBED]), Some(&schedule()), true);
        assert!(found.iter().all(|line| line.starts_with("= ")), "{found:?}");
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn an_adapter_that_was_switched_off_is_taken_out() {
        let found = lines(false, Some(&[EMBED, MEM0]), Some(&schedule()), false);
        assert_eq!(found[1], format!("= endpoint {EMBED}"));
        assert_eq!(found[2], format!("- endpoint {MEM0}"));
    }

    #[test]
    fn what_is_somebody_elses_goes_only_when_asked() {
        // Its address begins with ours, and is not below it.
        let other = "https://memory.example.com.evil.example/api/jobs/embed";
        let kept = lines(false, Some(&[EMBED, other]), Some(&schedule()), false);
        assert!(kept[2].starts_with(&format!("! endpoint {other} is not below")));
        let gone = lines(false, Some(&[EMBED, other]), Some(&schedule()), true);
        assert_eq!(gone[2], format!("- endpoint {other}"));
    }

    #[test]
    fn a_schedule_that_says_something_else_is_replaced() {
        let found = [
            Schedule {
                cron: "*/5 * * * *".to_owned(),
                ..schedule()
            },
            Schedule {
                destination: "https://old.example.com/sweep".to_owned(),
                ..schedule()
            },
            Schedule {
                method: "GET".to_owned(),
                ..schedule()
            },
            Schedule {
                retries: 3,
                ..schedule()
            },
        ];
        for found in found {
            let lines = lines(false, Some(&[EMBED]), Some(&found), false);
            let (old, new) = lines[2].split_once('\n').unwrap();
            assert!(old.starts_with("- schedule") && new.starts_with("+ schedule"));
            assert_ne!(old[1..], new[1..]);
        }
    }

    #[test]
    fn a_pause_is_told_and_respected() {
        let paused = Schedule {
            paused: true,
            ..schedule()
        };
        let lines = lines(false, Some(&[EMBED]), Some(&paused), false);
        assert!(lines[2].starts_with("! schedule memory-sweep"), "{lines:?}");
    }

    #[test]
    fn a_topic_of_its_own_has_a_schedule_of_its_own() {
        let staging = Wanted::new("memory.staging", URL, false);
        assert_eq!(staging.schedule.id, "memory.staging-sweep");
    }
}
