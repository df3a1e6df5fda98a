//! `Upstash-Retry-Delay`: an arithmetic expression over `retried`, in milliseconds.
//!
//! Grammar: numbers, `retried`, `+ - * /`, parentheses, and the documented functions pow, sqrt, abs, exp,
//! floor, ceil, round, min and max. `retried` is 0 for the first retry.

use std::time::Duration;

/// The longest delay between two attempts: one day, as documented.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

/// Deeper nesting than anybody writes; it keeps the recursion bounded.
const DEEPEST: usize = 32;

/// A retry-delay expression that is known to parse.
#[derive(Clone, Debug)]
pub(super) struct Expression(String);

impl Expression {
    /// Checks the text; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        evaluate(text, 0.0)?;
        Ok(Self(text.to_owned()))
    }

    /// The text as it was published.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The delay before the next attempt; a negative or undefined result is no delay, a long one is a day.
    pub(super) fn delay(&self, retried: u32) -> Duration {
        let millis = evaluate(&self.0, f64::from(retried)).unwrap_or(0.0);
        // `max` and `min` ignore NaN, so 0/0 becomes no delay.
        let millis = millis.max(0.0).min(LONGEST.as_millis() as f64);
        Duration::from_secs_f64(millis / 1_000.0)
    }
}

fn evaluate(text: &str, retried: f64) -> Result<f64, String> {
    let mut reader = Reader {
        rest: text,
        retried,
        depth: 0,
    };
    let value = reader.sum()?;
    match reader.peek() {
        None => Ok(value),
        Some(other) => Err(format!("unexpected `{other}` in the retry delay")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    retried: f64,
    depth: usize,
}

impl Reader<'_> {
    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.atom()?;
        loop {
            if self.take('*') {
                value *= self.atom()?;
            } else if self.take('/') {
                value /= self.atom()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn atom(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the retry delay is nested too deeply".to_owned());
        }
        let value = match self.peek() {
            Some('(') => {
                self.take('(');
                let value = self.sum()?;
                self.demand(')')?;
                value
            }
            Some('-') => {
                self.take('-');
                -self.atom()?
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let number = self.word(|c| c.is_ascii_digit() || c == '.');
                number
                    .parse()
                    .map_err(|_| format!("`{number}` is not a number"))?
            }
            Some(c) if c.is_ascii_alphabetic() => {
                let name = self.word(|c| c.is_ascii_alphanumeric());
                if name == "retried" {
                    self.retried
                } else {
                    self.call(&name)?
                }
            }
            Some(other) => return Err(format!("unexpected `{other}` in the retry delay")),
            None => return Err("the retry delay ends too early".to_owned()),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn call(&mut self, name: &str) -> Result<f64, String> {
        self.demand('(')?;
        let mut arguments = vec![self.sum()?];
        while self.take(',') {
            arguments.push(self.sum()?);
        }
        self.demand(')')?;
        Ok(match (name, arguments.as_slice()) {
            ("pow", [x, y]) => x.powf(*y),
            ("min", [x, y]) => x.min(*y),
            ("max", [x, y]) => x.max(*y),
            ("sqrt", [x]) => x.sqrt(),
            ("abs", [x]) => x.abs(),
            ("exp", [x]) => x.exp(),
            ("floor", [x]) => x.floor(),
            ("ceil", [x]) => x.ceil(),
            ("round", [x]) => x.round(),
            _ => {
                return Err(format!(
                    "no function `{name}` of {} argument(s)",
                    arguments.len()
                ));
            }
        })
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        if self.peek() != Some(wanted) {
            return false;
        }
        self.rest = &self.rest[wanted.len_utf8()..];
        true
    }

    fn demand(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(format!("`{wanted}` is missing in the retry delay"))
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str, retried: u32) -> f64 {
        Expression::parse(text)
            .expect(text)
            .delay(retried)
            .as_secs_f64()
            * 1_000.0
    }

    #[test]
    fn the_documented_examples_hold() {
        assert_eq!(millis("1000", 5), 1_000.0);
        assert_eq!(millis("1000 * (1 + retried)", 2), 3_000.0);
        assert_eq!(millis("pow(2, retried) * 1000", 3), 8_000.0);
        assert_eq!(millis("max(1000, pow(2, retried) * 100)", 0), 1_000.0);
        assert_eq!(millis("max(1000, pow(2, retried) * 100)", 4), 1_600.0);
    }

    #[test]
    fn precedence_and_functions_are_those_of_arithmetic() {
        assert_eq!(millis("2 + 3 * 4 - 10 / 5", 0), 12.0);
        assert_eq!(millis("-(2 - 12) * min(sqrt(16), abs(-5))", 0), 40.0);
        assert_eq!(millis("floor(1.9) + ceil(0.1) + round(2.5)", 0), 5.0);
        assert!((millis("exp(1) * 1000", 0) - 2_718.28).abs() < 0.01);
    }

    #[test]
    fn out_of_range_results_are_clamped() {
        assert_eq!(millis("0 - 5", 0), 0.0);
        assert_eq!(millis("0 / 0", 0), 0.0);
        assert_eq!(millis("1 / retried", 0), 86_400_000.0);
        assert_eq!(millis("pow(10, 20)", 0), 86_400_000.0);
    }

    #[test]
    fn faults_are_named() {
        for text in [
            "", "1 +", "(1", "1)", "pow(2)", "sin(1)", "retries", "1.2.3", "2 $ 3",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        assert!(Expression::parse(&"(".repeat(10_000)).is_err());
    }
}
