//! The rounds: every turn, then every question, to one contender after the other.

use std::collections::BTreeSet;

use super::super::progress;
use super::super::recall::metrics::recall;
use super::super::samples::Samples;
use super::contender::{Contender, LIMIT, Took};
use super::talk::Talk;
use crate::Error;

/// Rounds whose times are thrown away: connections, caches and plans warm up in them.
const WARM_UP: usize = 20;

/// What one contender came to.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) record: Timed,
    /// From the answer until the embedding is there too, where that comes after the answer.
    pub(super) settled: Samples,
    pub(super) search: Timed,
    /// Of each judged question the share of its evidence among the hits.
    pub(super) recalls: Vec<f64>,
    /// Searches that brought fewer hits than were asked for.
    pub(super) short: usize,
    pub(super) searches: usize,
    /// Where its time went: the call, the part, milliseconds.
    pub(super) parts: Vec<(&'static str, String, Samples)>,
}

/// Times of one kind of call.
#[derive(Debug, Default)]
pub(super) struct Timed {
    pub(super) all: Samples,
    /// Without the embedder's part.
    pub(super) own: Samples,
}

impl Timed {
    fn push(&mut self, took: Took) {
        self.all.push(took.all);
        self.own.push(took.all - took.embedder);
    }
}

impl Measured {
    /// The mean over the judged questions, in percent.
    pub(super) fn recall(&self) -> Option<f64> {
        let count = self.recalls.len();
        (count > 0).then(|| 100.0 * self.recalls.iter().sum::<f64>() / count as f64)
    }
}

/// Nothing but the call that is measured is under way: what a call leaves to be done has ended before
/// the next.
pub(super) fn record(
    contenders: &mut [Box<dyn Contender + '_>],
    talk: &Talk,
) -> Result<Vec<Measured>, Error> {
    let mut all: Vec<Measured> = contenders
        .iter()
        .map(|contender| Measured {
            name: contender.name(),
            ..Measured::default()
        })
        .collect();
    let turns = talk.turns();
    let bar = progress(turns.len(), "recording, in turns")?;
    for (round, said) in turns.iter().enumerate() {
        for (contender, measured) in contenders.iter_mut().zip(&mut all) {
            let took = contender.record(said)?;
            let settled = contender.settle()?;
            if round >= WARM_UP {
                measured.record.push(took);
                measured.settled.push(settled);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(all)
}

/// Adds the searches.
pub(super) fn search(
    contenders: &mut [Box<dyn Contender + '_>],
    talk: &Talk,
    all: &mut [Measured],
) -> Result<(), Error> {
    let questions = talk.questions();
    let bar = progress(questions.len(), "searching, in turns")?;
    // The first ones are asked twice, so that each counts once warm.
    let warm_up = questions.iter().take(WARM_UP).map(|asked| (asked, false));
    let rounds = warm_up.chain(questions.iter().map(|asked| (asked, true)));
    for (asked, counts) in rounds {
        for (contender, measured) in contenders.iter_mut().zip(all.iter_mut()) {
            let (took, hits) = contender.search(asked)?;
            if !counts {
                continue;
            }
            measured.search.push(took);
            measured.searches += 1;
            let different: BTreeSet<&String> = hits.iter().collect();
            measured.short += usize::from(different.len() < LIMIT);
            if talk.users[asked.user].judged {
                let hits: Vec<&str> = hits.iter().map(String::as_str).collect();
                let share = recall(&hits, &asked.question.evidence);
                measured.recalls.push(share);
            }
        }
        bar.inc(u64::from(counts));
    }
    bar.finish_and_clear();
    for (contender, measured) in contenders.iter().zip(all.iter_mut()) {
        measured.parts = contender.parts();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::contender::{Contender, Took};
    use super::super::talk::{Asked, Said, Talk};
    use super::{record, search};
    use crate::Error;

    /// Half a millisecond of two is the embedder's; finds as many turns as it is told.
    struct Fake(usize);

    impl Contender for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn record(&mut self, _: &Said<'_>) -> Result<Took, Error> {
            let (all, embedder) = (2.0, 0.5);
            Ok(Took { all, embedder })
        }

        fn search(&mut self, _: &Asked<'_>) -> Result<(Took, Vec<String>), Error> {
            let hits = (1..=self.0).map(|n| format!("D1:{n}")).collect();
            Ok((Took::default(), hits))
        }
    }

    #[test]
    fn warm_up_is_thrown_away_and_the_embedders_part_is_taken_out() {
        let mut talk = Talk::new(None, 2, 30).unwrap();
        talk.users[0].judged = true;
        let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(Fake(10)), Box::new(Fake(9))];
        let mut all = record(&mut contenders, &talk).unwrap();
        search(&mut contenders, &talk, &mut all).unwrap();
        assert_eq!(all[0].record.all.len(), 40);
        assert!((all[0].record.own.median() - 1.5).abs() < 1e-9);
        assert_eq!((all[0].short, all[1].short), (0, 30));
        // Of fifteen questions those about every other one of the first ten turns are answered.
        let recall = all[0].recall().unwrap();
        assert!((recall - 100.0 * 5.0 / 15.0).abs() < 1e-9, "{recall}");
    }
}
