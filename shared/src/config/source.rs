//! Where variables come from, and how one is read: an empty value counts as absent, and a bad one is
//! named.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use super::ConfigError;
use super::env::Variable;

/// Looks a variable up.
pub(super) struct Source<'a, F: Fn(&str) -> Option<String>>(pub(super) &'a F);

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn get(&self, variable: Variable) -> Option<String> {
        (self.0)(variable.name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn or(&self, variable: Variable, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn required(&self, variable: Variable) -> Result<String, ConfigError> {
        self.get(variable)
            .ok_or_else(|| fault(variable, "is missing"))
    }

    pub(super) fn url(&self, variable: Variable, default: &str) -> Result<String, ConfigError> {
        let text = self.or(variable, default);
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(text.trim_end_matches('/').to_owned())
            }
            _ => Err(fault(variable, "is not an http(s) URL")),
        }
    }

    /// PEM text; `\n` as two characters is taken for a line break, as dashboards store it.
    pub(super) fn pem(&self, variable: Variable) -> Result<Option<String>, ConfigError> {
        match self.get(variable).map(|text| text.replace("\\n", "\n")) {
            Some(text) if !text.starts_with("-----BEGIN CERTIFICATE-----") => {
                Err(fault(variable, "is not a PEM certificate"))
            }
            pem => Ok(pem),
        }
    }

    pub(super) fn whole<N: FromStr + PartialOrd + fmt::Display>(
        &self,
        variable: Variable,
        range: std::ops::RangeInclusive<N>,
        default: N,
    ) -> Result<N, ConfigError> {
        match self.get(variable) {
            None => Ok(default),
            Some(text) => N::from_str(&text)
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    let (low, high) = (range.start(), range.end());
                    fault(
                        variable,
                        &format!("is not a whole number from {low} to {high}"),
                    )
                }),
        }
    }

    pub(super) fn flag(&self, variable: Variable, default: bool) -> Result<bool, ConfigError> {
        match self.get(variable).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "on") => Ok(true),
            Some("false" | "0" | "off") => Ok(false),
            Some(_) => Err(fault(variable, "is neither true nor false")),
        }
    }
}

/// What is wrong with a variable.
pub(super) fn fault(variable: Variable, fault: &str) -> ConfigError {
    ConfigError {
        variable: variable.name,
        fault: fault.to_owned(),
    }
}
