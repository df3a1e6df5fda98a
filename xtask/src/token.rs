//! `cargo xtask token`: mints a token for the stacks that run here.

use std::time::Duration;

use devstack::stack::tokens::{self, SERVICE, USER};
use uuid::Uuid;

use crate::Error;
use crate::dev::jwt_secret;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user; not needed for the service role
    #[arg(long)]
    user: Option<Uuid>,
    /// authenticated or service_role
    #[arg(long, default_value = USER)]
    role: String,
    /// As in 90s, 15m, 1h, 7d
    #[arg(long, default_value = "1h", value_parser = duration)]
    expires_in: Duration,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    if arguments.role != SERVICE && arguments.user.is_none() {
        return Err("name the user with --user <uuid>".into());
    }
    let secret = jwt_secret()?;
    println!(
        "{}",
        tokens::mint(
            &secret,
            arguments.user,
            &arguments.role,
            arguments.expires_in
        )?
    );
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "as in 90s, 15m, 1h, 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "1", "h", "-1s", "1y", "99999999999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
