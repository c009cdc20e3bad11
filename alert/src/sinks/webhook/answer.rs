//! What the answer of a webhook means for what was posted.
//!
//! What only the operator can mend (a wrong token, a path that is gone, a method that is not allowed) holds the queue up instead of emptying
//! it into nowhere: it has failed, and comes again. What the receiver does not want for what it is would hold up everything behind it, so
//! it is refused, counted and told.

use super::super::Outcome;
use super::template::Shipped;
use std::time::Duration;
use weir_net::http::Response;

/// Most of an answer that is looked at, in bytes. A receiver that says more is not read to its end.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// Longest time for which a receiver can ask to be left alone: one that says "tomorrow" by mistake is asked again sooner.
const MAX_PAUSE: Duration = Duration::from_mins(10);

const NO_WEBHOOK: &str = "there is no webhook at this address, or it may not post there: look at `url`";

/// What became of a post, and for how long the receiver wants to be left alone.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) pause: Option<Duration>,
}

/// Reads an answer. Nothing of what it says is repeated: it may quote what was posted.
pub(super) fn read(response: Response, place: &str, shipped: Option<Shipped>) -> Answer {
    let status = response.status();
    let pause = matches!(status, 429 | 503).then(|| retry_after(&response)).flatten();
    let outcome = match meaning(status) {
        Meaning::Taken => {
            // A connection is only used again when its answer was read.
            let _ = response.into_body().read_all(MAX_ANSWER_BYTES);
            Outcome::Taken
        }
        Meaning::Refused(why) => match reason(response, shipped) {
            Reason::HasIt => Outcome::Taken,
            Reason::Settings => Outcome::Failed(told(status, place, NO_WEBHOOK)),
            Reason::Content => Outcome::Refused(told(status, place, why)),
        },
        Meaning::Failed(why) => Outcome::Failed(told(status, place, why)),
    };
    Answer { outcome, pause }
}

enum Meaning {
    Taken,
    Refused(&'static str),
    Failed(&'static str),
}

/// RFC 9110 section 15.
fn meaning(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Taken,
        401 => Meaning::Failed(
            "it wants other credentials (`http.credentials`), or the URL is not the right one",
        ),
        403 => Meaning::Failed("this is not permitted with these credentials, or with this URL"),
        404 | 405 | 410 => Meaning::Failed(NO_WEBHOOK),
        407 => Meaning::Failed("the proxy wants credentials"),
        429 => Meaning::Failed("it was asked too often"),
        402 | 408 | 421 | 423 | 425 => Meaning::Failed("it does not take it now"),
        413 => Meaning::Refused("it is too large for the receiver: lower `max_body` or `many`"),
        400..=499 => Meaning::Refused("the receiver does not want it as it is: look at the template"),
        500..=599 => Meaning::Failed("the server has a problem of its own"),
        _ => Meaning::Failed("this was not expected of a webhook"),
    }
}

fn told(status: u16, place: &str, why: &str) -> String {
    format!("{status} from {place}: {why}")
}

/// How Mattermost's identifiers of errors go on that are about the webhook, and not about what it got.
const NOT_THERE: [&str; 5] = ["invalid.", "channel", "disabled.", "permissions.", "user."];

/// Why something was refused, by receivers that say so in words only.
enum Reason {
    /// It got it the first time.
    HasIt,
    /// There is no such webhook, or it may not post there.
    Settings,
    /// It does not like what it got.
    Content,
}

/// TheHive refuses an alert whose `sourceRef` it has with status 400 (TheHive issue 1094). So does Mattermost where it knows no such webhook,
/// or none that may post to the channel (`HandleIncomingWebhook` in `app/webhook.go`).
fn reason(response: Response, shipped: Option<Shipped>) -> Reason {
    if !matches!(shipped, Some(Shipped::TheHive | Shipped::Mattermost)) {
        return Reason::Content;
    }
    let body = response.into_body().read_all(MAX_ANSWER_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
    let is_of_hook = |what: &&str| text.contains(&format!("web.incoming_webhook.{what}"));
    match shipped {
        Some(Shipped::TheHive) if text.contains("already exist") => Reason::HasIt,
        Some(Shipped::Mattermost) if NOT_THERE.iter().any(is_of_hook) => Reason::Settings,
        _ => Reason::Content,
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); a date is not worth its clock.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}
