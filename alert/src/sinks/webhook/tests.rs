use super::super::brief::Brief;
use super::super::parcels::{notice_of, parcel, persist, soon};
use super::super::{Kind, Outcome, Parcel, Sink};
use super::*;
use crate::marking::{Above, Leaves, StripKey, leaves};
use crate::{Message, samples};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use weir_model::alert::Severity;
use weir_net::http::stand_in::{Answer, Asked, StandIn};

const TEMPLATES: [&str; 4] = ["mattermost", "slack", "teams", "thehive"];

fn opened(server: &StandIn, toml: &str, base: &Path) -> Result<Box<dyn Sink>, NetError> {
    let toml = format!("url = \"{}hooks/s3cretT0ken\"\nhttp.proxy = \"none\"\n{toml}", server.url);
    let settings: WebhookSettings = toml::from_str(&toml).unwrap();
    let mut outlets = settings.open(&Opening { name: "chat", base })?;
    Ok(outlets.remove(0).sink)
}

fn sink(server: &StandIn, toml: &str) -> Box<dyn Sink> {
    opened(server, toml, Path::new("")).unwrap()
}

fn taking() -> StandIn {
    StandIn::new(|_| Answer::new(200, &[], "ok"))
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

/// Every text in it.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// A brief with the same hostile text wherever a stranger's text may stand.
fn hostile(text: &str) -> Brief {
    let brief = Brief::of(&notice_of(1, 1, |_| {}), None).unwrap();
    Brief {
        host: Some(text.to_owned()),
        indicator: Some(text.to_owned()),
        sources: vec![text.to_owned(); 10],
        title: format!("HIGH opened: {text}"),
        sentence: text.to_owned(),
        ..brief
    }
}

fn made(template: Shipped, briefs: &[Brief]) -> Value {
    let template = Template::shipped(template, "chat").unwrap();
    let bytes = template.make(briefs, template.max_body()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// What the formats of Slack say of lengths and numbers ("Block Kit reference").
fn assert_slack(post: &Value) {
    assert!(
        post["text"].as_str().unwrap().len() <= 4000
            && post["unfurl_links"] == false
            && post["mrkdwn"] == false
    );
    let blocks = post["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    for block in blocks {
        let limit = match block["type"].as_str().unwrap() {
            "header" => 150,
            "section" => 3000,
            "context" => {
                assert!((1..=10).contains(&block["elements"].as_array().unwrap().len()));
                continue;
            }
            other => panic!("{other}"),
        };
        let text = block["text"]["text"].as_str().unwrap();
        assert!(!text.is_empty() && text.encode_utf16().count() <= limit, "{}", text.len());
        assert_eq!(block["text"]["type"], "plain_text", "shown as it is, without formats and mentions");
    }
}

/// What a workflow of Teams takes ("Send adaptive cards using an incoming webhook"), in card elements that read no Markdown.
fn assert_teams(post: &Value) {
    assert!(post.to_string().len() <= 28 * 1024);
    assert_eq!(post["type"], "message");
    let attachment = &post["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    for container in card["body"].as_array().unwrap() {
        assert!(
            ["attention", "warning", "accent", "default"].contains(&container["style"].as_str().unwrap())
        );
        for item in container["items"].as_array().unwrap() {
            assert!(["RichTextBlock", "ActionSet"].contains(&item["type"].as_str().unwrap()), "{item}");
        }
    }
}

/// `InputAlert` of TheHive 5 (thehive4py, `types/alert.py`), with the lengths of its documentation.
fn assert_thehive(post: &Value) {
    let most = |field: &str, most: usize| {
        let length = post[field].as_str().unwrap().encode_utf16().count();
        assert!((1..=most).contains(&length), "{field}: {length}");
    };
    most("type", 64);
    most("source", 64);
    most("sourceRef", 128);
    most("title", 512);
    most("description", 1_048_576);
    assert!(
        (1..=4).contains(&post["severity"].as_u64().unwrap())
            && post["date"].as_u64().unwrap() > 1_000_000_000_000
    );
    assert!(post["tlp"].as_u64().unwrap() <= 4 && post["pap"].as_u64().unwrap() <= 3);
    assert!(
        post["tags"]
            .as_array()
            .unwrap()
            .iter()
            .all(|tag| tag.as_str().unwrap().encode_utf16().count() <= 128)
    );
    for observable in post["observables"].as_array().unwrap() {
        let (kind, data) = (observable["dataType"].as_str().unwrap(), observable["data"].as_str().unwrap());
        assert!(["ip", "domain", "url", "other"].contains(&kind) && observable["ioc"].is_boolean());
        assert!(!data.is_empty());
    }
}

#[test]
fn hostile_values_stay_texts() {
    let values = [
        "\"}, {\"text\": \"injected\"".to_owned(),
        "line\r\nbreak\u{0}\u{1b}[2J\u{2028}".to_owned(),
        "*bold* _it_ `code` ~gone~ [click](http://evil.example) ![](https://evil.example/x.png) # h | t"
            .to_owned(),
        "<!channel> <!here> <@U123> <https://evil.example|bank> @all @channel @here &#64;all <at>x</at>"
            .to_owned(),
        "\u{202e}gpj.exe\u{202c}\u{200b}".to_owned(),
        "{{DATE(2020-01-01T00:00:00Z)}} {% raw %} ${x} @{y}".to_owned(),
        "http://evil.example/".repeat(3300),
        "\u{1f4a9}&<>".repeat(10_000),
    ];
    for value in &values {
        for shipped in [Shipped::Mattermost, Shipped::Slack, Shipped::Teams, Shipped::TheHive] {
            let mut post = made(shipped, &[hostile(value)]);
            match shipped {
                Shipped::Slack => assert_slack(&post),
                Shipped::Teams => assert_teams(&post),
                Shipped::TheHive => {
                    assert_thehive(&post);
                    // Observables are for programs, and as they are.
                    post["observables"].take();
                }
                Shipped::Mattermost | Shipped::Json => {}
            }
            if let Some(content) = post.pointer_mut("/attachments/0/content/$schema") {
                content.take();
            }
            let mut found = Vec::new();
            texts(&post, &mut found);
            for text in found {
                for bad in ["://", "@", "\n", "\u{202e}", "\u{200b}", "\u{0}", "\u{1b}", "evil.example"] {
                    assert!(!text.contains(bad), "{shipped:?}: {bad:?} in {text:.200}");
                }
                match shipped {
                    Shipped::Slack => assert!(!text.contains('<') && !text.contains('>'), "{text:.200}"),
                    Shipped::Teams => assert!(!text.contains("{{"), "{text:.200}"),
                    Shipped::Mattermost | Shipped::TheHive | Shipped::Json => {}
                }
            }
            for place in ["/attachments/0/title", "/attachments/0/text", "/description"] {
                let text = post.pointer(place).and_then(Value::as_str).unwrap_or_default();
                for bad in [" *bold*", " `code`", "](", "<", " ~gone~"] {
                    assert!(!text.contains(bad), "{shipped:?}: {bad:?} in {text:.200}");
                }
            }
        }
    }
}

#[test]
fn each_template_tells_all_kinds_of_messages() {
    let folder = TempDir::new().unwrap();
    let messages: Vec<Message> = samples::full_alerts()
        .into_iter()
        .map(Message::from)
        .chain(samples::notices().into_iter().map(Message::from))
        .collect();
    let parcels: Vec<_> = messages
        .into_iter()
        .map(|message| Parcel {
            id: message.id(),
            message: Some(Arc::new(message)),
            ..parcel(Kind::Alert, "{}")
        })
        .collect();
    for template in TEMPLATES {
        let server = taking();
        let mut sink = opened(
            &server,
            &format!(
                "template = \"{template}\"\npace = \"1ms\"\nlink = \"https://siem.example/{{incident}}\""
            ),
            folder.path(),
        )
        .unwrap();
        let outcomes = sink.deliver(&parcels, soon());
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Taken), "{template}: {outcomes:?}");
        let posts: Vec<Value> = server.asked().iter().map(body).collect();
        match template {
            "slack" => posts.iter().for_each(assert_slack),
            "teams" => posts.iter().for_each(assert_teams),
            "thehive" => {
                assert_eq!(posts.len(), parcels.len());
                posts.iter().for_each(assert_thehive);
                let observables = posts.iter().flat_map(|post| post["observables"].as_array().unwrap());
                for observable in observables.filter(|observable| observable["dataType"] == "ip") {
                    let address = observable["data"].as_str().unwrap();
                    assert!(address.parse::<std::net::IpAddr>().is_ok(), "{address}");
                }
            }
            _ => {}
        }
        let text = posts.iter().map(Value::to_string).collect::<String>();
        assert!(text.contains("https://siem.example/") && !text.contains("null,\"text\""), "{text:.500}");
    }
}

/// Chats may know less, so this is what they get most: that there is something, and where.
#[test]
fn stripped_messages_are_told() {
    let key = StripKey::new(&[7; StripKey::BYTES]);
    let alerts = samples::full_alerts().into_iter().map(Message::from);
    let notices = samples::notices().into_iter().map(Message::from);
    let stripped: Vec<_> = alerts
        .chain(notices)
        .filter_map(|message| match leaves(&message, Tlp::Clear, Above::Strip, &key) {
            Leaves::Stripped(message) => Some(message),
            _ => None,
        })
        .map(|message| Parcel {
            id: message.id(),
            message: Some(Arc::new(message)),
            ..parcel(Kind::Alert, "{}")
        })
        .collect();
    assert!(stripped.len() > 5, "{}", stripped.len());
    for template in TEMPLATES {
        let server = taking();
        let mut sink = sink(&server, &format!("template = \"{template}\"\npace = \"1ms\""));
        assert_eq!(sink.deliver(&stripped, soon()), vec![Outcome::Taken; stripped.len()], "{template}");
        for post in server.asked().iter().map(body) {
            let text = post.to_string();
            for gone in ["evil", "203.0.113", "203[.]0", "TLP:", "bad.txt", "bad[.]txt"] {
                assert!(!text.contains(gone), "{template}: {gone} in {text}");
            }
        }
    }
}

#[test]
fn several_are_joined_and_what_is_refused_goes_alone() {
    let server = StandIn::new(|asked| {
        let is_bad = String::from_utf8_lossy(&asked.body).contains("\"LOW");
        Answer::new(if is_bad { 400 } else { 200 }, &[], "")
    });
    let mut sink = sink(&server, "template = \"mattermost\"\nmany = 3\npace = \"1ms\"");
    let parcels: Vec<_> = (1..=7)
        .map(|incident| {
            notice_of(incident, 1, |alert| {
                if incident == 5 {
                    alert.severity = Severity::Low;
                }
            })
        })
        .collect();
    let (times, refused) = persist(&mut *sink, &parcels);
    assert_eq!((times, refused.len()), (1, 1));
    assert_eq!(refused[0].id, parcels[4].id);
    let counts: Vec<usize> =
        server.asked().iter().map(|asked| body(asked)["attachments"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [3, 3, 1, 1, 1, 1]);
    let keys: Vec<_> = server.asked().iter().map(|asked| asked.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys[2], parcels[3].id.to_string());
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn answers_decide() {
    for (status, expected) in [
        (200, "taken"),
        (204, "taken"),
        (302, "failed"),
        (400, "refused"),
        (401, "failed"),
        (403, "failed"),
        (404, "failed"),
        (410, "failed"),
        (413, "refused"),
        (422, "refused"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ] {
        let server = StandIn::new(move |_| Answer::new(status, &[], "evil.example is not wanted"));
        let outcome = sink(&server, "").deliver(&[notice_of(1, 1, |_| {})], soon()).remove(0);
        let (found, why) = match outcome {
            Outcome::Taken => ("taken", String::new()),
            Outcome::Refused(why) => ("refused", why),
            Outcome::Failed(why) => ("failed", why),
        };
        assert_eq!(found, expected, "{status}: {why}");
        assert!(!why.contains("evil") && !why.contains("s3cret"), "{why}");
        assert_eq!(why.is_empty(), expected == "taken");
    }
    let away = StandIn::new(|_| Answer::new(200, &[], ""));
    let mut sink = sink(&away, "");
    drop(away);
    let Outcome::Failed(why) = sink.deliver(&[notice_of(1, 1, |_| {})], soon()).remove(0) else {
        panic!("taken")
    };
    assert!(why.contains("localhost") && !why.contains("s3cret"), "{why}");
}

#[test]
fn what_thehive_has_already_was_taken() {
    let text = r#"{"type":"CreateError","message":"Alert weir:chat:1 already exist in organisation"}"#;
    let server = StandIn::new(move |_| Answer::new(400, &[], text));
    let parcels = [notice_of(1, 1, |_| {})];
    assert_eq!(sink(&server, "template = \"thehive\"").deliver(&parcels, soon()), [Outcome::Taken]);
    assert!(matches!(sink(&server, "").deliver(&parcels, soon())[..], [Outcome::Refused(_)]));
}

#[test]
fn a_webhook_that_mattermost_does_not_know_loses_nothing() {
    for (what, is_content) in [("invalid", false), ("channel_locked", false), ("text", true), ("parse", true)]
    {
        let text = format!("{{\"id\":\"web.incoming_webhook.{what}.app_error\",\"status_code\":400}}");
        let server = StandIn::new(move |_| Answer::new(400, &[], &text));
        let outcome =
            sink(&server, "template = \"mattermost\"").deliver(&[notice_of(1, 1, |_| {})], soon()).remove(0);
        assert_eq!(matches!(outcome, Outcome::Refused(_)), is_content, "{what}: {outcome:?}");
    }
}

#[test]
fn who_wants_to_be_left_alone_is() {
    let server = StandIn::new(|_| Answer::new(429, &[("retry-after", "300")], ""));
    let mut sink = sink(&server, "");
    let parcels = [notice_of(1, 1, |_| {}), notice_of(2, 1, |_| {})];
    for _ in 0..3 {
        let outcomes = sink.deliver(&parcels, soon());
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(_))), "{outcomes:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn lines_are_posted_as_the_format_writes_them() {
    let server = taking();
    let flows = [parcel(Kind::Flow, r#"{"a":1}"#), parcel(Kind::Flow, r#"{"a":2}"#)];
    assert_eq!(sink(&server, "").deliver(&flows, soon()), [Outcome::Taken, Outcome::Taken]);
    assert_eq!(sink(&server, "many = 10").deliver(&flows, soon()), [Outcome::Taken, Outcome::Taken]);
    let asked = server.asked();
    assert_eq!(
        (&*asked[0].body, &*asked[0].headers["content-type"]),
        (&br#"{"a":1}"#[..], "application/json")
    );
    assert_eq!(&*asked[2].body, b"{\"a\":1}\n{\"a\":2}");
    assert_eq!(asked[2].headers["content-type"], "application/x-ndjson");
    let outcomes = sink(&server, "template = \"slack\"").deliver(&flows, soon());
    assert!(
        matches!(&outcomes[..], [Outcome::Refused(why), Outcome::Refused(_)] if why.contains("alerts only"))
    );
    let outcomes = sink(&server, "max_body = \"5\"").deliver(&flows, soon());
    assert!(matches!(&outcomes[..], [Outcome::Refused(why), _] if why.contains("max_body")));
}

#[test]
fn templates_of_ones_own() {
    let folder = TempDir::new().unwrap();
    let file = |text: &str| fs::write(folder.path().join("own.txt"), text).unwrap();
    let server = taking();
    let toml = "template_file = \"own.txt\"";
    file(
        r#"{"what": {{ event.weir.indicator.value }}, "none": {{ event.no.such.thing }}, "n": {{ count }}, "by": {{ sink }}}"#,
    );
    let mut sink = opened(&server, toml, folder.path()).unwrap();
    assert_eq!(sink.deliver(&[notice_of(1, 1, |_| {})], soon()), [Outcome::Taken]);
    assert_eq!(
        body(&server.asked()[0]),
        json!({ "what": "evil.example", "none": null, "n": 1, "by": "chat" })
    );
    file("{{ severity }}: {{ sentence | plain(40) }}");
    let text = format!("{toml}\ncontent_type = \"text/plain\"");
    let mut sink = opened(&server, &text, folder.path()).unwrap();
    sink.deliver(&[notice_of(1, 1, |_| {})], soon());
    assert!(server.asked()[1].body.starts_with(b"high: 10.1.2.3 "), "{:?}", server.asked()[1]);
    for (template, expected) in [
        ("{\n\"a\": {{ sentence }\n}", "line 2"),
        ("{\n\"a\": {{ sentence | nothing }}\n}", "line 2"),
        ("{\"a\": {% include \"/etc/passwd\" %} }", "line 1"),
        ("{\"a\": }", "no JSON"),
        ("{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}{}", "line 1"),
    ] {
        file(template);
        let error = opened(&server, toml, folder.path()).err().unwrap().to_string();
        assert!(error.contains("own.txt") && error.contains(expected), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_told_and_secrets_are_not() {
    let server = taking();
    for (toml, expected) in [
        ("template = \"slack\"\ntemplate_file = \"x\"", "exclude"),
        ("template_file = \"missing\"", "missing"),
        ("template = \"thehive\"\nmany = 5", "many"),
        ("many = 0", "many"),
        ("sign.env = \"WEIR_NO_SUCH_VARIABLE\"", "WEIR_NO_SUCH_VARIABLE"),
        ("url_from.file = \"x\"", "url_from"),
    ] {
        let error = opened(&server, toml, Path::new("/nonexistent")).err().unwrap().to_string();
        assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
    }
    for toml in [
        "url = \"ftp://x\"",
        "url = \"https://u:p@x\"",
        "url = \"https://x\"\nlink = \"javascript:alert(1)\"",
        "x = 1",
    ] {
        assert!(toml::from_str::<WebhookSettings>(toml).is_err(), "{toml}");
    }
    let settings: WebhookSettings =
        toml::from_str("url = \"http://chat.example/hooks/s3cretT0ken\"\nhttp.verify = false").unwrap();
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert_eq!(settings.warnings().len(), 2);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("url"), "https://chat.example/hooks/s3cretT0ken\n").unwrap();
    let settings: WebhookSettings = toml::from_str("url_from.file = \"url\"").unwrap();
    assert!(settings.open(&Opening { name: "chat", base: folder.path() }).is_ok());
    fs::write(folder.path().join("url"), "s3cretT0ken").unwrap();
    let error = settings.open(&Opening { name: "chat", base: folder.path() }).err().unwrap().to_string();
    assert!(error.contains("URL of a webhook") && !error.contains("s3cret"), "{error}");
}

#[test]
fn posts_keep_their_distance() {
    let server = taking();
    let outcomes =
        sink(&server, "pace = \"10m\"").deliver(&[notice_of(1, 1, |_| {}), notice_of(2, 1, |_| {})], soon());
    assert!(matches!(&outcomes[..], [Outcome::Taken, Outcome::Failed(_)]), "{outcomes:?}");
    assert_eq!(server.asked().len(), 1);
}
