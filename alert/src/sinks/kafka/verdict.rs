//! What errors mean: whether something would be refused again, and what to do about it.

use super::context::Complaint;
use rdkafka::error::RDKafkaErrorCode as Code;

/// An idempotent producer and its brokers number what is sent; when they disagree, only a new one can go on.
pub(super) const LOST_TRACK: &str = "the broker lost track of what it has been sent; connecting anew";

/// What is to be done with a message after an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was refused for what it is.
    Refused(String),
    /// It may work later.
    Failed(String),
    /// The batch that it was sent in is too large; alone it may not be.
    Alone,
    /// The broker does not take its time; its own clock will do, since the body has the time.
    WithoutTime,
    /// The producer can go no further.
    Renew(String),
}

/// What an error of a message in a topic means.
pub(super) fn of(code: Code, topic: &str) -> Verdict {
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => Verdict::Alone,
        Code::InvalidTimestamp => Verdict::WithoutTime,
        Code::InvalidRecord => Verdict::Refused(format!(
            "the broker takes no such record in {topic}: look whether the topic is compacted or checks schemas"
        )),
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => Verdict::Failed(format!(
            "there is no topic {topic}: create it (docs/ALERTING.md says how), or let brokers create topics"
        )),
        Code::TopicAuthorizationFailed => Verdict::Failed(format!(
            "this user may not write to {topic}: give it the operations Write and Describe on that topic"
        )),
        Code::ClusterAuthorizationFailed => Verdict::Failed(
            "this user may not use idempotent producers: give it the operation IdempotentWrite on the cluster".to_owned(),
        ),
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend | Code::ISRInsufficient => Verdict::Failed(
            format!("fewer replicas of {topic} are in sync than min.insync.replicas wants: look after the brokers"),
        ),
        Code::UnsupportedCompressionType | Code::UnsupportedForMessageFormat | Code::UnsupportedVersion => {
            Verdict::Failed(format!(
                "the brokers are too old for what is sent to {topic} ({code}): choose another `compression`, or update them"
            ))
        }
        Code::MessageTimedOut | Code::TimedOutQueue | Code::OperationTimedOut => {
            Verdict::Renew("no acknowledgement for minutes; connecting anew".to_owned())
        }
        Code::Fatal
        | Code::OutOfOrderSequenceNumber
        | Code::UnknownProducerId
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::ProducerFenced
        | Code::Fenced => Verdict::Renew(LOST_TRACK.to_owned()),
        _ => Verdict::Failed(format!("{topic}: {code}; trying again")),
    }
}

/// What is said of messages that nobody acknowledged in time.
pub(super) fn unanswered(brokers: &str, complaint: Option<Complaint>) -> String {
    let Some(Complaint { code, text }) = complaint else {
        return format!("{brokers}: no acknowledgement yet; trying on");
    };
    let remedy = match code {
        Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism) => {
            "look at `sasl` and at the user's rights"
        }
        // Once a handshake has failed, the library says so of all brokers under another code.
        code if code == Some(Code::SSL) || text.contains("SSL_HANDSHAKE") => {
            "look at `tls`, and whether this is a listener with TLS"
        }
        Some(Code::Resolve) => "look whether the brokers' names are right and can be resolved here",
        _ => "look whether the brokers run and can be reached from here",
    };
    format!("{brokers}: {text}; {remedy}; trying on")
}
