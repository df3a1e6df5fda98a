//! Tokens that may still be spent.

use super::walk::Walk;

/// What is left of a number of tokens, in each encoding by itself. Lines that add up ([`bound`](super::bound)) cost as much
/// one by one as all together, so that no line has to be counted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    max: u32,
    left: [u32; 2],
}

impl Budget {
    /// `max` tokens, of which none is spent.
    pub fn of(max: u32) -> Self {
        Self {
            max,
            left: [max; 2],
        }
    }

    /// What is left once `lines` are paid for; nothing when they are too much. Of a text that is far too long only as much is
    /// read as the budget pays for.
    pub fn after(self, lines: &str) -> Option<Self> {
        let mut walk = Walk::over(lines);
        loop {
            let [cl100k, o200k] = walk.totals();
            let left = [
                self.left[0].checked_sub(cl100k)?,
                self.left[1].checked_sub(o200k)?,
            ];
            if !walk.step() {
                return Some(Self { left, ..self });
            }
        }
    }

    /// The [`bound`](super::bound) of all that was paid for.
    pub fn spent(self) -> u32 {
        self.max - self.left[0].min(self.left[1])
    }
}

#[cfg(test)]
mod tests {
    use super::super::bound;
    use super::*;

    #[test]
    fn lines_cost_as_much_one_by_one_as_all_together() {
        let lines = [
            "user: Have you seen HTTPServer2?\n",
            "[8 May 2023]\n",
            "Ann: \u{301}日本語, naïve 🙂!\n",
        ];
        let mut left = Budget::of(100);
        for line in lines {
            left = left.after(line).unwrap();
        }
        assert_eq!(left.spent(), bound(&lines.concat()));
        assert_eq!(Budget::of(100).after("").unwrap().spent(), 0);
    }

    #[test]
    fn what_costs_the_budget_fits_and_a_token_more_does_not() {
        let line = "user: we went to the lake\n";
        let cost = bound(line);
        assert_eq!(Budget::of(cost).after(line).map(Budget::spent), Some(cost));
        assert_eq!(Budget::of(cost - 1).after(line), None);
    }
}
