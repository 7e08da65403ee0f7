//! Where a guarded call goes, and where not.

#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;

fn rules(private: bool) -> Rules {
    Rules {
        private,
        plain: true,
        timeout: Duration::from_secs(5),
    }
}

/// A server that answers one connection with `answer`; tells whether anybody came.
fn server(answer: &'static str) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, came) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut part) = (Vec::new(), [0; 2048]);
        while !request.ends_with(b"{}") {
            let length = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..length]);
        }
        // Not every test asks what came.
        _ = sender.send(String::from_utf8(request).unwrap());
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (port, came)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[test]
fn names_of_this_machine_are_not_called() {
    let guarded = Guarded::new(rules(false));
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ] {
        let (port, came) = server(OK);
        let answer = guarded.post(&format!("http://{host}:{port}/"), &[], b"{}");
        assert!(
            matches!(answer, Err(GuardedError::Address | GuardedError::Url(_))),
            "{host}: {answer:?}"
        );
        assert!(came.try_recv().is_err(), "{host} was called");
    }
}

#[test]
fn a_name_that_is_not_found_looks_like_a_private_one() {
    let answer = Guarded::new(rules(false)).post("http://nowhere.invalid/", &[], b"{}");
    assert!(matches!(answer, Err(GuardedError::Address)), "{answer:?}");
}

#[test]
fn the_same_are_called_where_the_rules_allow_it() {
    let (port, came) = server(OK);
    let headers = [("webhook-id", "notice_1".to_owned())];
    let answer = Guarded::new(rules(true))
        .post(&format!("http://localhost:{port}/a?b=c"), &headers, b"{}")
        .unwrap();
    assert_eq!(answer.status, 200);
    let head = came.recv().unwrap();
    assert!(head.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("webhook-id: notice_1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
}

#[test]
fn redirects_are_answers() {
    let (elsewhere, came) = server(OK);
    let answer = format!(
        "HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
    );
    let (port, _) = server(Box::leak(answer.into_boxed_str()));
    let answer = Guarded::new(rules(true))
        .post(&format!("http://127.0.0.1:{port}/"), &[], b"{}")
        .unwrap();
    assert_eq!(answer.status, 307);
    assert!(came.try_recv().is_err());
}

#[test]
fn an_answer_is_bounded_in_time_and_size() {
    let guarded = Guarded::new(Rules {
        timeout: Duration::from_millis(300),
        ..rules(true)
    });
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let answer = guarded.post(&url, &[], b"{}");
    assert!(matches!(answer, Err(GuardedError::Failed(_))), "{answer:?}");
    // A body that never ends is not waited for.
    let (port, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx");
    let url = format!("http://127.0.0.1:{port}/");
    assert_eq!(guarded.post(&url, &[], b"{}").unwrap().status, 200);
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES));
    let (port, _) = server(Box::leak(long.into_boxed_str()));
    let url = format!("http://127.0.0.1:{port}/");
    assert!(guarded.post(&url, &[], b"{}").is_err());
}

#[test]
fn addresses_are_checked() {
    let strict = Rules {
        plain: false,
        ..rules(false)
    };
    for good in ["https://example.org/hook?x=1", "https://example.org:8443/"] {
        assert!(strict.check(good).is_ok(), "{good}");
    }
    let long = format!("https://example.org/{}", "x".repeat(URL_LENGTH));
    for bad in [
        "",
        "example.org",
        "/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://example.org/",
        "https://user:secret@example.org/",
        "https://example.org/#part",
        "https://exa mple.org/",
        "https://example.org/\r\nx: y",
        "https:///hook",
        &long,
    ] {
        assert!(strict.check(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_server_may_ask_for_patience() {
    let (port, _) = server("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n");
    let answer = Guarded::new(rules(true))
        .post(&format!("http://127.0.0.1:{port}/"), &[], b"{}")
        .unwrap();
    let patience = Some(Duration::from_secs(7));
    assert_eq!((answer.status, answer.retry_after), (429, patience));
}
