//! Keys of `[sink.NAME]`.

use super::Key;
use super::shared::{CA_FILE, HTTP_KEY, SECRET, TLS, size, time};
use crate::config::form::Form;
use weir_alert::Format;
use weir_alert::courier::Terms;
use weir_alert::sinks::Kind;
use weir_model::Grade;
use weir_model::alert::Severity;

/// Of all sinks.
pub(in crate::config) const SINK: &[Key] = &[
    Key::new("type", Form::Word(types), "\"file\"").means("What it is").needed(),
    Key::new("enabled", Form::Switch, "true").means("Whether it is served; what waits for it goes on waiting").or("true"),
    Key::new("send", Form::List(&Form::Word(kinds)), "[\"alerts\"]").means("What it gets").or("[\"alerts\"]"),
    Key::new("spool", Form::List(&Form::Word(kinds)), "[\"alerts\"]")
        .means("What of it waits on the disk while the receiver is away; alerts always do, and need not be written here")
        .or("[]"),
    Key::new("format", Form::Word(formats), "\"ecs\"").means("In what form").or("\"ecs\""),
    Key::new("tlp", Form::Tlp, "\"amber\"")
        .means("What is marked higher does not leave; unless said otherwise what is right for the type: red for files, amber+strict for syslog \
                and mail, green for webhooks"),
    Key::new("above", Form::Word(|| vec!["withhold", "strip"]), "\"withhold\"")
        .means("What becomes of a message of which all is marked higher: it stays, or leaves without what sources say")
        .or("\"withhold\""),
    Key::new("severity", Form::Word(severities), "\"medium\"").means("Least severity").or("\"informational\""),
    Key::new("grade", Form::Word(grades), "\"connected\"").means("Least grade of alerts; all where none is set"),
    Key::new("sources", Form::List(&Form::Text), "[\"misp\"]")
        .means("Only what one of these sources speaks in; all where none is named")
        .or("[]"),
    Key::new("rate", Form::Number { least: 1, most: Terms::MOST_RATE as i64 }, "500")
        .means("Messages a second that are handed over at most while the sink lags behind")
        .or("500"),
    Key::new("pseudonyms", Form::Switch, "true")
        .means("Whether it gets pseudonyms in place of the addresses in home_net, made with a key that stays in the state directory; what it does not hide is in docs/PRIVACY.md")
        .or("false"),
];

/// Of each type.
pub(in crate::config) const SINKS: &[(&str, &[Key])] = &[
    ("file", FILE),
    ("stdout", &[]),
    ("syslog", SYSLOG),
    ("webhook", WEBHOOK),
    ("mail", MAIL),
    ("kafka", KAFKA),
];

fn types() -> Vec<&'static str> {
    SINKS.iter().map(|(name, _)| *name).collect()
}

pub(super) fn formats() -> Vec<&'static str> {
    Format::ALL.iter().map(|format| format.keyword()).collect()
}

fn kinds() -> Vec<&'static str> {
    Kind::ALL.iter().map(|kind| kind.plural()).collect()
}

fn severities() -> Vec<&'static str> {
    Severity::ALL.iter().map(|severity| severity.keyword()).collect()
}

fn severities_or_off() -> Vec<&'static str> {
    severities().into_iter().chain(["off"]).collect()
}

fn grades() -> Vec<&'static str> {
    Grade::ALL.iter().map(|grade| grade.keyword()).collect()
}

/// `weir_alert::sinks::FileSettings`.
const FILE: &[Key] = &[
    Key::new("path", Form::Path, "\"/var/log/weir/{kind}.jsonl\"")
        .means("The file; {kind} in its name stands for alerts, flows, names and ledger, each in a file of its own")
        .needed(),
    Key::new("rotate", Form::Switch, "true")
        .means("Whether files are rotated here; false leaves that to logrotate")
        .or("true"),
    size("rotate_size", "\"256MiB\"", "A file is rotated before it becomes larger than that"),
    time("rotate_after", "\"1d\"", "A file holds lines of one such span only"),
    Key::new("compress", Form::Word(|| vec!["gzip", "zstd", "none"]), "\"zstd\"")
        .means("How rotated files are compressed")
        .or("\"gzip\""),
    time("keep", "\"90d\"", "How long rotated files are kept"),
    size("keep_size", "\"10GiB\"", "How many bytes rotated files may take; the oldest go first"),
    time("sync_every", "\"5s\"", "How often flows, names and the ledger are synced; messages are before they are acknowledged"),
];

/// `weir_alert::sinks::SyslogSettings`.
const SYSLOG: &[Key] = &[
    Key::new("url", Form::Url(&["tls", "tcp", "udp"]), "\"tls://siem.example:6514\"")
        .means("The receiver: tls://HOST (port 6514), tcp://HOST or udp://HOST (port 514), with :PORT if it is another")
        .needed(),
    Key::new("framing", Form::Word(|| vec!["octet-counting", "lines"]), "\"octet-counting\"")
        .means("How messages are told from each other over TCP (RFC 6587)")
        .or("\"octet-counting\""),
    Key::new("facility", Form::Word(facilities), "\"local0\"")
        .means("Facility (RFC 5424, table 1), by its usual name")
        .or("\"local0\""),
    Key::new("hostname", Form::Text, "\"probe1\"")
        .means("What messages say of where they come from; the name of this machine if it is not set"),
    Key::new("enterprise_number", Form::Number { least: 0, most: 4_294_967_295 }, "32473")
        .means("Your private enterprise number (IANA), for structured data"),
    size("max_size", "\"64KiB\"", "Largest message, header included; a larger one is refused"),
    time("resend", "\"30s\"", "What was sent within so long before a connection broke is sent again"),
    Key::new("tls", Form::Table(TLS), "{ ca_file = \"our-ca.pem\" }").means("Whom to trust, and our own certificate"),
];

fn facilities() -> Vec<&'static str> {
    const ALL: &str = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit console cron2 local0 local1 local2 local3 \
                       local4 local5 local6 local7";
    ALL.split_whitespace().collect()
}

/// `weir_alert::sinks::WebhookSettings`.
const WEBHOOK: &[Key] = &[
    Key::new("url", Form::Url(&["https", "http"]), "\"https://chat.example/hooks/...\"")
        .means("Where to; who knows it can post there, so that url_from is better"),
    Key::new("url_from", Form::Table(SECRET), "{ file = \"chat.url\" }")
        .means("Where the URL lies")
        .instead_of("url"),
    Key::new(
        "template",
        Form::Word(|| vec!["json", "mattermost", "slack", "teams", "thehive"]),
        "\"mattermost\"",
    )
    .means("Who receives it, which decides what is written; json is what `format` writes")
    .or("\"json\""),
    Key::new("template_file", Form::File, "\"case.json\"")
        .means("A template of your own instead")
        .instead_of("template"),
    Key::new("content_type", Form::Text, "\"application/json\"")
        .means("The media type of what template_file makes")
        .or("\"application/json\""),
    Key::new("many", Form::Number { least: 1, most: 1000 }, "1").means("Most messages in one post"),
    Key::new("max_body", Form::Size { least: 1, most: u64::MAX }, "\"1MiB\"").means("Largest post"),
    Key::new("pace", Form::Time, "\"1s\"").means("Least time between two posts"),
    Key::new("sign", Form::Table(SECRET), "{ file = \"sign.key\" }")
        .means("Where the secret lies that posts are signed with"),
    Key::new("signature_header", Form::Text, "\"X-Weir-Signature\"")
        .means("The header that has the signature")
        .or("\"X-Weir-Signature\""),
    LINK,
    time("timeout", "\"20s\"", "How long an answer may take"),
    HTTP_KEY,
];

const LINK: Key = Key::new("link", Form::Text, "\"https://siem.example/alerts/{id}\"")
    .means("Where more can be seen: a URL in which {id} and {incident} are replaced");

/// `weir_alert::sinks::MailSettings`.
const MAIL: &[Key] = &[
    Key::new("relay", Form::Text, "\"mail.example\"").means("The host that takes mail from us").needed(),
    Key::new("port", Form::Port, "587")
        .means("Its port: 587 for starttls, 465 for implicit, 25 for none if nobody chose"),
    Key::new("tls", Form::Word(|| vec!["starttls", "implicit", "none"]), "\"starttls\"")
        .means("How the way to it is encrypted; none is for a relay on this host")
        .or("\"starttls\""),
    CA_FILE,
    Key::new("user", Form::Text, "\"weir\"").means("Who we are to the relay"),
    Key::new("password", Form::Table(SECRET), "{ file = \"mail.password\" }")
        .means("Where the password lies"),
    Key::new("hello", Form::Text, "\"probe1.example\"")
        .means("How we greet; the name of this host if nobody chose"),
    Key::new("from", Form::Mail, "\"weir@example.org\"").means("Who writes").needed(),
    Key::new("to", Form::List(&Form::Mail), "[\"soc@example.org\"]").means("Who reads").needed(),
    Key::new("subject_prefix", Form::Text, "\"[Weir]\"").means("What subjects begin with").or("\"[Weir]\""),
    Key::new("immediate", Form::Word(severities_or_off), "\"high\"")
        .means("What is at least so severe is mailed at once; \"off\": nothing is")
        .or("\"high\""),
    Key::new("digest", Form::TimeOrOff, "\"1h\"")
        .means("For how long the rest is gathered; \"off\": it is not mailed")
        .or("\"1h\""),
    size(
        "max_attachment",
        "\"1MiB\"",
        "Largest attachment; what is beyond it is left out, and the mail says so",
    ),
    LINK,
    time("timeout", "\"1m\"", "How long the relay may take for an answer"),
];

/// `weir_alert::sinks::KafkaSettings`.
const KAFKA: &[Key] = &[
    Key::new("brokers", Form::List(&Form::Text), "[\"kafka1.example:9093\"]")
        .means("Where to ask for the cluster, each host or host:port (9092 unless said otherwise)")
        .needed(),
    Key::new("topics", Form::Table(TOPICS), "{ prefix = \"weir.\" }").means("How the topics are called"),
    Key::new("compression", Form::Word(|| vec!["zstd", "lz4", "snappy", "gzip", "none"]), "\"zstd\"")
        .means("How batches are compressed")
        .or("\"zstd\""),
    Key::new("tls", Form::Table(TLS), "{ ca_file = \"kafka-ca.pem\" }")
        .means("Present where brokers are spoken to by TLS; {} trusts the authorities of the system"),
    Key::new(
        "sasl",
        Form::Table(SASL),
        "{ mechanism = \"SCRAM-SHA-512\", user = \"weir\", file = \"kafka.password\" }",
    )
    .means("Who we are, where brokers ask"),
    size("max_message", "\"1MB\"", "Largest message that is sent"),
    size("buffer", "\"32MiB\"", "Most memory for what is not acknowledged yet"),
    Key::new("librdkafka", Form::Map(None, &Form::Property), "{ \"socket.keepalive.enable\" = true }")
        .means("Any other property of librdkafka, as its CONFIGURATION.md lists them"),
];

const TOPICS: &[Key] = &[
    Key::new("prefix", Form::Text, "\"weir.\"")
        .means("What all begin with that have no name of their own")
        .or("\"weir.\""),
    topic("alerts", "\"weir.alerts\"", "The topic of alerts and notices"),
    topic("flows", "\"weir.flows\"", "The topic of flow records"),
    topic("names", "\"weir.names\"", "The topic of names"),
    topic("ledger", "\"weir.ledger\"", "The topic of the ledger"),
];

const fn topic(name: &'static str, example: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::Text, example).means(words)
}

const SASL: &[Key] = &[
    Key::new(
        "mechanism",
        Form::Word(|| vec!["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"]),
        "\"SCRAM-SHA-512\"",
    )
    .means("How we prove who we are")
    .needed(),
    Key::new("user", Form::Text, "\"weir\"").means("The name, for PLAIN and SCRAM"),
    Key::new("file", Form::File, "\"kafka.password\"").means("The file with the password or the token"),
    Key::new("env", Form::Variable, "\"WEIR_KAFKA\"")
        .means("The variable with the password or the token")
        .instead_of("file"),
    Key::new("oidc", Form::Table(OIDC), "{ url = \"https://login.example/token\" }")
        .means("The server that gives tokens, for OAUTHBEARER")
        .instead_of("file"),
    Key::new("principal", Form::Text, "\"weir@EXAMPLE.ORG\"")
        .means("Who we are in Kerberos, for GSSAPI")
        .instead_of("user"),
    Key::new("keytab", Form::File, "\"weir.keytab\"").means("The file with its key").instead_of("user"),
    Key::new("service", Form::Text, "\"kafka\"")
        .means("As the brokers' service is called in Kerberos")
        .instead_of("user"),
];

const OIDC: &[Key] = &[
    Key::new("url", Form::Url(&["https", "http"]), "\"https://login.example/token\"")
        .means("Its token endpoint")
        .needed(),
    Key::new("scope", Form::Text, "\"kafka\"").means("What the token is for, if the server wants to know"),
    HTTP_KEY,
];
