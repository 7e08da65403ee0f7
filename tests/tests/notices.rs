//! Notices from a filter's failure to a webhook and a mailbox, by the real program.
//!
//! In: a filter that fails on one alert; an HTTPS receiver that refuses each notice once and verifies
//! signatures by the reference implementation of Standard Webhooks; a mail server that asks for TLS
//! and a password. Out: each told once. Never: our own code as the judge of a signature.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::numbered;
use skysieve_tests::python::Receivers;

const LIMIT: Duration = Duration::from_secs(60);

fn configuration(receivers: &Receivers, streams: &str) -> String {
    format!(
        "[notices]\nallow_private_targets = true\npoll_ms = 100\nfirst_wait_ms = 200\n\
         longest_wait_ms = 400\n\
         [notices.smtp]\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\nuser = \"skysieve\"\n\
         from = \"Skysieve <notices@example.org>\"\n\n{streams}",
        receivers.smtp()
    )
}

fn event(receivers: &Receivers, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait(what, LIMIT, || {
        let events = receivers.events()?;
        Ok(events.into_iter().find(|event| wanted(event)))
    })
    .unwrap_or_else(|error| panic!("{error}: {:#?}", receivers.events().unwrap()))
}

/// The text of a mail after its head.
fn text(mail: &Value) -> &str {
    let whole = mail["text"].as_str().unwrap();
    whole.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn a_failing_filter_is_told_by_webhook_and_by_mail() {
    let Some(receivers) = Receivers::start().unwrap() else {
        return;
    };
    let authority = receivers.authority().display().to_string();
    let variables = [
        ("SSL_CERT_FILE", authority.as_str()),
        ("SKYSIEVE_SMTP_PASSWORD", "a password"),
    ];
    let host = Host::start_with(&variables, |folder| {
        let streams = numbered::archive_stream(folder, 1).unwrap();
        configuration(&receivers, &streams)
    })
    .unwrap();

    let targets = "/v1/notice-targets";
    let hook = json!({"medium": "webhook", "address": receivers.url()});
    let hook = host.post(targets, &hook).unwrap().created().unwrap();
    receivers.keep(hook["secret"].as_str().unwrap()).unwrap();
    let mail = json!({"medium": "email", "address": "ada@example.org"});
    let mail = host.post(targets, &mail).unwrap().created().unwrap();

    // The address is asked first: its reader finds the code in the mail.
    let asked = event(&receivers, "a mail with a code", |event| {
        event["what"] == "mail"
    });
    let code = text(&asked)
        .split_whitespace()
        .find(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .unwrap();
    let confirm = format!("{targets}/{}/confirm", mail["id"]);
    let confirmed = host.post(&confirm, &json!({"code": code})).unwrap();
    assert_eq!(confirmed.body["state"], "verified", "{confirmed:?}");

    // One alert on which the filter fails, among many on which it does not.
    host.create("fragile", numbered::STREAM).unwrap();
    let module = std::fs::read(wasm("hostile")).unwrap();
    let version = host.upload("fragile", &module).unwrap();
    let parameters = json!({"mode": "panic", "guilty_from": 99.0});
    let setting = host.activate("fragile", version, &parameters).unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let incoming = host.folder().join("incoming");
    numbered::put_tar(&incoming, "one.tar", 0..100).unwrap();

    let filter = format!("{USER}/fragile");
    let told = event(&receivers, "an accepted webhook", |event| {
        event["status"] == 204 && event["body"]["type"] == "filter.failing"
    });
    assert_eq!(told["body"]["data"]["filter"], json!(filter), "{told:#}");
    assert_eq!(told["body"]["data"]["details"]["alerts"], 1, "{told:#}");
    let mail = event(&receivers, "a mail", |event| {
        event["what"] == "mail"
            && event["text"]
                .as_str()
                .unwrap()
                .contains("fails on some alerts")
    });
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    assert_eq!(mail["from"], "notices@example.org");
    assert_eq!(
        (&mail["encrypted"], &mail["authenticated"]),
        (&json!(true), &json!(true))
    );

    // More of the same is no news: told once, though the first attempt of each webhook was refused.
    numbered::put_tar(&incoming, "two.tar", 90..120).unwrap();
    wait("the second tar is counted", LIMIT, || {
        Ok((host.count("fragile", "evaluated")? == 130).then_some(()))
    })
    .unwrap();
    let notices = wait("everything has ended", LIMIT, || {
        let notices = host.get("/v1/notices")?.created()?;
        let all = notices["items"].as_array().unwrap().clone();
        let ended = all
            .iter()
            .flat_map(|notice| notice["deliveries"].as_array().unwrap())
            .all(|delivery| delivery["state"] == "delivered");
        Ok(ended.then_some(all))
    })
    .unwrap();
    let failing: Vec<_> = notices
        .iter()
        .filter(|notice| notice["kind"] == "filter.failing")
        .collect();
    assert_eq!(failing.len(), 1, "{notices:#?}");
    let tries: Vec<_> = failing[0]["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| {
            (
                delivery["medium"].as_str().unwrap(),
                delivery["tries"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(tries, [("webhook", 2), ("email", 1)]);

    let events = receivers.events().unwrap();
    let hooks: Vec<_> = events
        .iter()
        .filter(|event| event["what"] == "webhook")
        .collect();
    assert_eq!(hooks.len(), 2, "{events:#?}");
    for hook in hooks {
        assert_eq!(
            (&hook["verified"], &hook["forged"]),
            (&json!(true), &json!(false)),
            "{hook}"
        );
    }
    assert_eq!(
        events
            .iter()
            .filter(|event| event["what"] == "mail")
            .count(),
        2
    );
    let listed = host.get(targets).unwrap().created().unwrap();
    for target in listed["items"].as_array().unwrap() {
        assert_eq!(target["state"], "verified", "{listed:#}");
    }
}
