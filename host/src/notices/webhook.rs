//! A notice as a webhook: an HTTP POST, as Standard Webhooks 1.0 says.
//!
//! In: a delivery that is due. Out: how the attempt ended. Never: a call that the rules do not allow.

use serde_json::json;

use super::signature::sign;
use super::{Failure, Sent};
use crate::client::{Guarded, GuardedError};
use crate::registry::Due;

/// The receiver is gone for good (410).
const GONE: u16 = 410;

/// Sends it. Blocks, at most for the time of the client's rules.
pub(super) fn send(client: &Guarded, due: &Due, now_s: i64) -> Result<Sent, Failure> {
    let body = body(due);
    let id = format!("notice_{}", due.notice.0);
    let Some(signature) = sign(&due.secret, &id, now_s, &body) else {
        return Err(Failure::plain("the key of the target cannot be read"));
    };
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", now_s.to_string()),
        ("webhook-signature", signature),
    ];
    let answer = client
        .post(&due.address, &headers, body.as_bytes())
        .map_err(|error| Failure {
            gone: false,
            patience: None,
            hopeless: matches!(error, GuardedError::Url(_)),
            reason: error.to_string(),
        })?;
    match answer.status {
        200..=299 => Ok(Sent),
        status => Err(Failure {
            reason: format!("the receiver answered {status}"),
            gone: status == GONE,
            hopeless: false,
            patience: answer.retry_after,
        }),
    }
}

/// What receivers read: `type`, `timestamp`, `data`.
fn body(due: &Due) -> String {
    json!({
        "type": due.kind,
        "timestamp": super::instant(due.created_ms),
        "data": {
            "owner": due.owner,
            "filter": due.filter,
            "text": due.text,
            "details": due.document,
        },
    })
    .to_string()
}
