//! A notice as an e-mail, and all of lettre.
//!
//! In: a delivery that is due. Out: how the attempt ended. Never: a header that text from outside
//! could end, or mail over a connection that is less private than the settings say.

use std::time::Duration;

use lettre::address::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use super::settings::{SmtpSettings, SmtpTls};
use super::{Failure, Sent};
use crate::registry::{Due, NoticeKind};

/// Longest e-mail address [bytes] (RFC 5321).
const ADDRESS_BYTES: usize = 254;

/// Longest subject [characters].
const SUBJECT_LENGTH: usize = 150;

/// Whether a text is an e-mail address as the host takes it: plain ASCII, nothing quoted.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"(),:;<>[]\\".contains(&byte);
    let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
    text.len() <= ADDRESS_BYTES
        && text.bytes().all(plain)
        && text.matches('@').count() == 1
        && domain.contains('.')
        && text.parse::<Address>().is_ok()
}

/// The sender of the settings.
pub(super) fn sender(text: &str) -> Option<Mailbox> {
    if text.contains(char::is_control) {
        return None;
    }
    text.parse().ok()
}

/// The way to the mail server.
#[derive(Debug, Clone)]
pub(super) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

impl Mailer {
    /// A mailer of these settings; nothing is connected yet.
    ///
    /// # Errors
    /// Where the sender or the machine's certificates cannot be read.
    pub(super) fn new(
        settings: &SmtpSettings,
        password: Option<String>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let from = sender(&settings.from)
            .ok_or_else(|| format!("notices.smtp.from = {:?} is no sender", settings.from))?;
        let tls = || {
            TlsParameters::new(settings.host.clone())
                .map_err(|error| format!("TLS to {}: {error}", settings.host))
        };
        let tls = match settings.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::Starttls => Tls::Required(tls()?),
            SmtpTls::Tls => Tls::Wrapper(tls()?),
        };
        let mut builder = SmtpTransport::builder_dangerous(&settings.host)
            .port(settings.port())
            .tls(tls)
            .timeout(Some(timeout));
        if !settings.user.is_empty() {
            let password = password.ok_or_else(|| {
                format!(
                    "notices.smtp.user is set, but the variable {} is not",
                    super::settings::PASSWORD_VARIABLE
                )
            })?;
            builder = builder.credentials(Credentials::new(settings.user.clone(), password));
        }
        let transport = builder.build();
        Ok(Self { transport, from })
    }

    /// Sends it. Blocks; each step of the talk with the server is bounded.
    pub(super) fn send(&self, due: &Due) -> Result<Sent, Failure> {
        let message = message(due, self.from.clone()).map_err(Failure::hopeless)?;
        match self.transport.send(&message) {
            Ok(_) => Ok(Sent),
            Err(error) => Err(Failure {
                hopeless: error.is_permanent(),
                ..Failure::plain(plain(&format!("the mail server: {error}")))
            }),
        }
    }
}

fn message(due: &Due, from: Mailbox) -> Result<Message, String> {
    let to: Address = due
        .address
        .parse()
        .map_err(|error| format!("the address cannot be read: {error}"))?;
    let domain = from.email.domain().to_owned();
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(subject(due))
        // The same for each attempt, so that readers know a second copy as one.
        .message_id(Some(format!(
            "<skysieve-notice-{}-{}@{domain}>",
            due.notice.0, due.target.0
        )))
        // Out-of-office machines are not to answer (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN)
        .body(body(due))
        .map_err(|error| error.to_string())
}

fn subject(due: &Due) -> String {
    let about = due.filter.as_ref().unwrap_or(&due.owner);
    let text = match due.kind {
        NoticeKind::Throttled => format!("{about} is throttled"),
        NoticeKind::Suspended => format!("{about} is suspended"),
        NoticeKind::Failing => format!("{about} fails on some alerts"),
        NoticeKind::Quota => format!("a quota of {about} is used up"),
        NoticeKind::Activation => format!("the scheduled activation of {about}"),
        NoticeKind::Backtest => format!("a back-test of {about} ended"),
        NoticeKind::Test => "a test".to_owned(),
        NoticeKind::Confirm => format!("notices for {about}: please confirm"),
    };
    let text: String = text.chars().take(SUBJECT_LENGTH).collect();
    plain(&format!("[skysieve] {text}"))
}

fn body(due: &Due) -> String {
    let mut text = due.text.clone();
    if due.kind == NoticeKind::Confirm {
        text = format!(
            "{} wants notices about alert filters to be sent to this address. If you do, too, confirm it \
             with this code:\n\n  {}\n\n  skysieve targets confirm {} {}\n\nIf you know nothing of this, \
             do nothing, and no mail will follow.",
            due.owner, due.secret, due.target.0, due.secret
        );
    } else if due
        .document
        .as_object()
        .is_some_and(|object| !object.is_empty())
    {
        text.push_str(&format!("\n\n{:#}", due.document));
    }
    let about = due.filter.as_deref().unwrap_or(&due.owner);
    let when = super::instant(due.created_ms);
    format!(
        "{text}\n\n--\n{} of {about}, {when}. Notice {}, target {}.\n",
        due.kind.as_str(),
        due.notice.0,
        due.target.0
    )
}

/// One line without control characters.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::registry::{Medium, NoticeId, TargetId};

    fn due(owner: &str, address: &str) -> Due {
        Due {
            notice: NoticeId(7),
            target: TargetId(3),
            tries: 1,
            medium: Medium::Email,
            address: address.to_owned(),
            secret: "c0de".to_owned(),
            kind: NoticeKind::Suspended,
            owner: owner.to_owned(),
            filter: None,
            text: "The host stopped it.".to_owned(),
            document: serde_json::json!({"reason": "a\r\nBcc: b@example.org"}),
            created_ms: 0,
        }
    }

    #[test]
    fn only_plain_addresses_are_taken() {
        for good in ["anna@example.org", "anna.b+sky@mail.example.org"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in [
            "",
            "anna",
            "@example.org",
            "anna@",
            "anna@localhost",
            "anna@example.org\r\nBcc: b@example.org",
            "anna@example.org\nRCPT TO:<b@example.org>",
            "anna@example.org,b@example.org",
            "anna@b@example.org",
            "Anna <anna@example.org>",
            "\"a b\"@example.org",
            "anna@[127.0.0.1]",
            "änna@example.org",
            " anna@example.org",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    /// No text from outside ends a header, whichever field it stands in.
    #[test]
    fn headers_cannot_be_added() {
        let evil = "a\r\nBcc: b@example.org\r\n\r\nx\u{2028}\u{85}\u{0}";
        let mut due = due(evil, "anna@example.org");
        due.filter = Some(evil.to_owned());
        due.text = evil.to_owned();
        for kind in [
            NoticeKind::Suspended,
            NoticeKind::Confirm,
            NoticeKind::Quota,
        ] {
            due.kind = kind;
            let from = sender("Skysieve <notices@example.org>").unwrap();
            let message = message(&due, from).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
            let names: Vec<&str> = unfolded
                .split("\r\n")
                .map(|line| line.split(':').next().unwrap())
                .collect();
            for name in &names {
                assert!(
                    [
                        "From",
                        "To",
                        "Subject",
                        "Message-ID",
                        "Auto-Submitted",
                        "Content-Type",
                        "Content-Transfer-Encoding",
                        "Date",
                        "MIME-Version"
                    ]
                    .contains(name),
                    "{name:?} in {head}"
                );
            }
            assert_eq!(message.envelope().to().len(), 1);
        }
        due.address = evil.to_owned();
        assert!(message(&due, sender("a@example.org").unwrap()).is_err());
        assert!(sender("Skysieve\r\nBcc: b@c.d <a@b.c>").is_none());
    }

    #[test]
    fn the_code_goes_by_mail_alone() {
        let mut due = due("anna", "anna@example.org");
        assert!(!body(&due).contains("c0de"));
        due.kind = NoticeKind::Confirm;
        assert!(body(&due).contains("targets confirm 3 c0de"));
    }
}
