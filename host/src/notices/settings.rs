//! How notices are delivered: the `[notices]` table of the configuration.
//!
//! In: the table. Out: checked settings. Never: a password, which comes from the environment alone.

use std::time::Duration;

use crate::client::Rules;

/// Environment variable with the password of the mail server.
pub const PASSWORD_VARIABLE: &str = "SKYSIEVE_SMTP_PASSWORD";

/// Settings of notices.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Webhooks may lead to this machine and its network. For closed sites and tests: whoever owns a
    /// filter can then send this host to its neighbours.
    pub allow_private_targets: bool,
    /// Webhooks may be `http://`.
    pub allow_http: bool,
    /// How often the outbox is looked at [ms].
    pub poll_ms: u64,
    /// Deliveries at once.
    pub at_once: usize,
    /// Longest time for one attempt [ms].
    pub timeout_ms: u64,
    /// Attempts before a delivery is given up.
    pub tries: u32,
    /// Wait after the first attempt that failed [ms]; each further one is four times as long.
    pub first_wait_ms: u64,
    /// Longest wait between two attempts [ms].
    pub longest_wait_ms: u64,
    /// How long notices can be read back [days].
    pub keep_days: u32,
    /// The mail server; without one, targets are webhooks alone.
    pub smtp: Option<SmtpSettings>,
}

/// Settings of the mail server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// Its port; 465 for `tls`, 587 for `starttls`, 25 for `none` where it is missing.
    pub port: Option<u16>,
    /// How the connection is kept private.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The account; empty: none. Its password is in `SKYSIEVE_SMTP_PASSWORD`.
    #[serde(default)]
    pub user: String,
    /// The sender, as in `Skysieve <notices@example.org>`.
    pub from: String,
}

/// How a connection to the mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// From the first byte.
    Tls,
    /// After a greeting, and never without.
    #[default]
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

impl SmtpSettings {
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Tls => 465,
            SmtpTls::Starttls => 587,
            SmtpTls::None => 25,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private_targets: false,
            allow_http: false,
            poll_ms: 1_000,
            at_once: 16,
            timeout_ms: 10_000,
            tries: 10,
            first_wait_ms: 5_000,
            longest_wait_ms: 21_600_000,
            keep_days: 90,
            smtp: None,
        }
    }
}

impl Settings {
    /// Checks what the table says.
    ///
    /// # Errors
    /// One line: what is wrong and what to write.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("poll_ms", self.poll_ms, 50, 60_000),
            ("at_once", self.at_once as u64, 1, 256),
            ("timeout_ms", self.timeout_ms, 100, 60_000),
            ("tries", self.tries.into(), 1, 50),
            ("first_wait_ms", self.first_wait_ms, 10, 3_600_000),
            ("longest_wait_ms", self.longest_wait_ms, 10, 604_800_000),
            ("keep_days", self.keep_days.into(), 1, 3_650),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "notices.{name} = {value}: write a number from {least} to {most}"
                ));
            }
        }
        self.smtp.as_ref().map_or(Ok(()), check_smtp)
    }

    /// What webhooks may lead to.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            private: self.allow_private_targets,
            plain: self.allow_http,
            timeout: self.timeout(),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

fn check_smtp(smtp: &SmtpSettings) -> Result<(), String> {
    if smtp.host.trim().is_empty() {
        return Err("notices.smtp.host is empty: name the mail server".to_owned());
    }
    if super::mail::sender(&smtp.from).is_none() {
        return Err(format!(
            "notices.smtp.from = {:?}: write a sender, as in \"Skysieve <notices@example.org>\"",
            smtp.from
        ));
    }
    let here = ["localhost", "127.0.0.1", "::1"].contains(&smtp.host.as_str());
    if !smtp.user.is_empty() && smtp.tls == SmtpTls::None && !here {
        return Err(
            "notices.smtp.user with tls = \"none\" would send the password in the clear: write \
             tls = \"starttls\" or \"tls\""
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        toml::from_str::<Settings>(text).unwrap().check()
    }

    #[test]
    fn says_what_to_write_instead() {
        let smtp =
            "[smtp]\nhost = \"mail.example.org\"\nfrom = \"Skysieve <notices@example.org>\"\n";
        assert_eq!(check(""), Ok(()));
        assert_eq!(check(smtp), Ok(()));
        let cases = [
            ("tries = 0".to_owned(), "1 to 50"),
            ("timeout_ms = 99".to_owned(), "notices.timeout_ms"),
            (smtp.replace("mail.example.org", ""), "name the mail server"),
            (smtp.replace("<notices@example.org>", ""), "a sender"),
            (
                format!("{smtp}user = \"a\"\ntls = \"none\""),
                "in the clear",
            ),
        ];
        for (text, expected) in cases {
            let error = check(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let here = smtp.replace("mail.example.org", "localhost");
        assert_eq!(
            check(&format!("{here}user = \"a\"\ntls = \"none\"")),
            Ok(())
        );
    }

    #[test]
    fn the_port_follows_the_protection() {
        for (tls, port) in [("tls", 465), ("starttls", 587), ("none", 25)] {
            let text = format!("host = \"a\"\nfrom = \"a@b.c\"\ntls = \"{tls}\"");
            assert_eq!(toml::from_str::<SmtpSettings>(&text).unwrap().port(), port);
        }
    }
}
