use super::super::parcels::{notice_of, parcel, persist, soon};
use super::super::{Kind, Outcome, Parcel, Sink};
use super::*;
use crate::python::Server;
use lettre::Address;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use tempfile::TempDir;
use weir_model::{Context, Indicator};

const BASE: &str =
    "from = \"Weir <weir@sensor.example>\"\nto = [\"SOC <soc@example.org>\", \"night@example.org\"]\n";

fn settings(toml: &str) -> MailSettings {
    toml::from_str(&format!("{BASE}{toml}")).unwrap()
}

fn style(max_attachment: usize) -> Style {
    Style { prefix: "[Weir]".to_owned(), max_attachment, link: None }
}

/// A mail as it is sent: its headers, and all of it.
fn written(letter: &letter::Letter) -> (String, String) {
    let settings = settings("relay = \"localhost\"");
    let mail = String::from_utf8(letter.write(&settings.from, &settings.to, &[], true).unwrap()).unwrap();
    (mail.split("\r\n\r\n").next().unwrap().to_owned(), mail)
}

fn severe(incident: u128, severity: Severity) -> Parcel {
    notice_of(incident, 1, |alert| alert.severity = severity)
}

/// A certificate, a password, and the settings of a sink that uses them.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.path().join("password"), "p4ssw0rd").unwrap();
    folder
}

fn relay(folder: &Path, port: u16, misfortunes: &str) -> Option<Server> {
    let path = |name: &str| folder.join(name).display().to_string();
    let port = port.to_string();
    Server::start(
        "smtp_relay.py",
        "aiosmtpd",
        &[&port, &path("cert.pem"), &path("key.pem"), "p4ssw0rd", misfortunes],
    )
}

fn outlets(folder: &Path, port: u16, toml: &str) -> Vec<Outlet> {
    let toml = format!(
        "relay = \"localhost\"\nport = {port}\nuser = \"weir\"\npassword.file = \"password\"\nca_file = \"cert.pem\"\n\
         hello = \"sensor.example\"\n{toml}"
    );
    settings(&toml).open(&Opening { name: "mail", base: folder }).unwrap()
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().find(|header| header[0] == name).map_or("", |header| header[1].as_str().unwrap())
}

/// Answers for now and for good, connections that break in the middle of a mail and after it was taken, and a relay that is away at first: all that
/// was told is there once by its `Message-ID`, in order, over TLS, as who we are.
#[test]
fn what_was_told_was_received() {
    let folder = folder();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut outlets = outlets(folder.path(), port, "");
    let parcels: Vec<_> =
        (1..=3).flat_map(|number| (1..=5).map(move |incident| (incident, number))).collect();
    let parcels: Vec<_> =
        parcels.into_iter().map(|(incident, number)| notice_of(incident, number, |_| {})).collect();
    let sink = &mut *outlets[0].sink;
    assert!(
        sink.deliver(&parcels, soon()).iter().all(|outcome| matches!(outcome, Outcome::Failed(_))),
        "it is away"
    );

    let misfortunes =
        "451,,drop_in_data,,drop_after_data,,421,451_rcpt,554_attached,,,drop_after_data,452,drop_in_data";
    let Some(server) = relay(folder.path(), port, misfortunes) else { return };
    let (times, refused) = persist(sink, &parcels);
    assert!(times > 7 && refused.is_empty(), "{times} times, {refused:?}");
    let taken = server.end();
    assert!(taken.len() > parcels.len(), "what was taken before the connection broke came again");
    assert!(taken.iter().all(|mail| mail["tls"] == true && mail["user"] == true), "{taken:?}");
    let mut seen = BTreeSet::new();
    let once: Vec<&Value> = taken.iter().filter(|mail| seen.insert(header(mail, "Message-ID"))).collect();
    let ids: Vec<_> = once.iter().map(|mail| header(mail, "X-Weir-Alert").to_owned()).collect();
    assert_eq!(ids, parcels.iter().map(|parcel| parcel.id.to_string()).collect::<Vec<_>>());
    let bare = once.iter().filter(|mail| mail["events"].as_array().unwrap().is_empty()).count();
    assert_eq!(bare, 1, "the one that was refused with its attachment");
    for (mail, parcel) in once.iter().zip(&parcels).filter(|(mail, _)| mail["events"][0].is_string()) {
        let event: Value = serde_json::from_str(mail["events"][0].as_str().unwrap()).unwrap();
        assert_eq!(event, serde_json::from_slice::<Value>(&parcel.body).unwrap());
        assert!(mail["longest_line"].as_u64().unwrap() <= 998, "RFC 5322 section 2.1.1");
    }
    let first = header(once[0], "Message-ID");
    assert_eq!((header(once[5], "In-Reply-To"), header(once[5], "References")), (first, first), "one thread");
}

#[test]
fn who_is_unknown_keeps_it_from_nobody_else() {
    let folder = folder();
    let Some(server) = relay(folder.path(), 0, "") else { return };
    let mut outlets = outlets(folder.path(), server.port, "digest = \"1s\"");
    let way = |to: &str| {
        let toml = format!(
            "from = \"weir@sensor.example\"\nto = [{to}]\nrelay = \"localhost\"\nport = {}\nuser = \"weir\"\n\
             password.file = \"password\"\nca_file = \"cert.pem\"\n",
            server.port
        );
        toml::from_str::<MailSettings>(&toml)
            .unwrap()
            .open(&Opening { name: "mail", base: folder.path() })
            .unwrap()
    };
    let parcels = [severe(1, Severity::High)];
    let mut partly = way("\"unknown@example.org\", \"soc@example.org\"");
    assert_eq!(partly[0].sink.deliver(&parcels, soon()), [Outcome::Taken]);
    assert!(partly[0].sink.remarks()[0].contains("unknown@example.org"));
    let nobody = way("\"unknown@example.org\"")[0].sink.deliver(&parcels, soon());
    assert!(
        matches!(&nobody[..], [Outcome::Failed(_)]),
        "a mistake in the settings loses nothing: {nobody:?}"
    );
    let digested = [severe(2, Severity::Low), severe(2, Severity::Low), severe(3, Severity::Medium)];
    assert!(digested.iter().all(|parcel| (outlets[1].takes)(parcel.message.as_ref().unwrap())));
    assert_eq!(outlets[1].sink.deliver(&digested, soon()), vec![Outcome::Taken; 3]);
    let taken = server.end();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0]["to"], serde_json::json!(["soc@example.org"]));
    assert!(taken[0]["text"].as_str().unwrap().contains("takes no mail for unknown@example.org"));
    assert_eq!(taken[1]["events"][0].as_str().unwrap().lines().count(), 3);
    assert!(header(&taken[1], "Subject").contains("Digest: 3 alerts about 2 matters"), "{:?}", taken[1]);
}

#[test]
fn wrong_passwords_and_strangers_hold_mail_back() {
    let folder = folder();
    let Some(server) = relay(folder.path(), 0, "") else { return };
    fs::write(folder.path().join("password"), "wr0ng").unwrap();
    let parcels = [severe(1, Severity::High)];
    let failed = |sink: &mut dyn Sink, expected: &str| match &sink.deliver(&parcels, soon())[..] {
        [Outcome::Failed(why)] => assert!(why.contains(expected) && !why.contains("wr0ng"), "{why}"),
        other => panic!("{other:?}"),
    };
    failed(&mut *outlets(folder.path(), server.port, "")[0].sink, "535");
    let stranger = self::folder();
    failed(&mut *outlets(stranger.path(), server.port, "")[0].sink, "ertificate");
    assert!(server.end().is_empty());
}

#[test]
fn no_list_writes_headers() {
    let evil = "x\r\nBcc: all@evil.example\r\n\r\n<html>\u{202e}\u{0}";
    let said = Context {
        source: evil.into(),
        description: Some(format!("{evil}{}", "y".repeat(64 * 1024)).into()),
        ..Context::default()
    };
    let parcel = notice_of(1, 2, |alert| {
        let indicator = Indicator::new(alert.indicator.value.clone(), vec![said.clone()]);
        alert.indicator = Arc::new(indicator);
    });
    let letter = letter::Letter::of(&parcel, &style(1 << 20)).unwrap();
    let hostile = letter::Letter {
        subject: style(0).subject(None, evil),
        marks: vec![("X-Weir-Alert", evil.to_owned()), ("X-Weir-Grade", "\u{fc}\n ".repeat(500))],
        ..letter.clone()
    };
    for letter in [&letter, &hostile] {
        let (headers, mail) = written(letter);
        assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998));
        assert!(!headers.lines().any(|line| line.starts_with("Bcc") || line.starts_with('<')), "{headers}");
        assert!(headers.contains("Auto-Submitted: auto-generated\r\n"), "{headers}");
    }
    assert!(!letter.text.contains('\u{202e}') && !letter.text.contains("evil.example"), "{}", letter.text);
    assert!(letter.text.contains("evil[.]example") && letter.text.len() < 10_000);
}

#[test]
fn what_a_mail_says() {
    let letter = letter::Letter::of(&notice_of(7, 1, |_| {}), &style(1 << 20)).unwrap();
    let (headers, _) = written(&letter);
    let id = "Message-ID: <00000000-0000-0000-0000-000000001b58.1@sensor.example>\r\n";
    assert!(headers.contains(id), "{headers}");
    assert!(headers.contains("Importance: high\r\n") && !headers.contains("In-Reply-To"), "{headers}");
    let subject = "[Weir] [TLP:AMBER] HIGH opened: 10.1.2.3, evil[.]example";
    assert_eq!(letter.subject, subject);
    for line in
        ["Severity   high", "Host       10.1.2.3", "Indicator  evil[.]example", "Marking    TLP:AMBER"]
    {
        assert!(letter.text.contains(line), "{line}: {}", letter.text);
    }
    let small = letter::Letter::of(&notice_of(7, 1, |_| {}), &style(10)).unwrap();
    assert!(written(&small).1.contains("Events left out of the attachment"));
    assert!(letter::Letter::of(&parcel(Kind::Flow, "{}"), &style(10)).is_none());
    let unknown: Address = "night@example.org".parse().unwrap();
    let settings = settings("relay = \"localhost\"");
    let mail = letter.write(&settings.from, &settings.to, &[unknown], true).unwrap();
    let mail = String::from_utf8(mail).unwrap();
    assert!(
        mail.contains("To: SOC <soc@example.org>\r\n")
            && mail.contains("takes no mail for night@example.org"),
        "{mail}"
    );
}

#[test]
fn digests_are_sorted_counted_and_bounded() {
    let parcels: Vec<_> = (1..=150)
        .map(|incident| {
            notice_of(incident, 1, |alert| {
                alert.severity = if incident % 2 == 0 { Severity::Medium } else { Severity::Low };
                alert.host = Some(format!("10.0.{}.1", incident % 120).parse().unwrap());
            })
        })
        .collect();
    let letter = digest::digest(&parcels, &style(20_000)).unwrap();
    assert!(letter.subject.contains("Digest: 150 alerts about 120 matters"), "{}", letter.subject);
    let (medium, low) = (letter.text.find("\nMEDIUM\n").unwrap(), letter.text.find("\nLOW\n").unwrap());
    assert!(medium < low && letter.text.contains("2 x 10.0.2.1  evil[.]example"), "{}", letter.text);
    assert!(letter.text.contains("and 20 more"));
    assert!(written(&letter).1.contains("Events left out"));
    assert_eq!(letter.id, digest::digest(&parcels, &style(0)).unwrap().id, "the same when it comes again");
    assert!(digest::digest(&[parcel(Kind::Flow, "{}")], &style(0)).is_none());
}

#[test]
fn what_goes_at_once_and_what_is_gathered() {
    let parts = |toml: &str| {
        let settings = settings(&format!("relay = \"localhost\"\ntls = \"none\"\n{toml}"));
        settings.open(&Opening { name: "mail", base: Path::new("") }).unwrap()
    };
    for least in Severity::ALL {
        let both = parts(&format!("immediate = \"{least}\""));
        for severity in Severity::ALL {
            let told = severe(1, *severity).message.unwrap();
            assert_eq!((both[0].takes)(&told), severity >= least);
            assert_eq!((both[1].takes)(&told), severity < least, "each goes one way");
        }
    }
    let gathered = parts("immediate = \"off\"\ndigest = \"24h\"");
    assert_eq!(
        (gathered.len(), gathered[0].part, gathered[0].gathers),
        (1, "", Some(Duration::from_hours(24)))
    );
    let at_once = parts("digest = \"off\"");
    assert_eq!((at_once.len(), at_once[0].gathers), (1, None));
}

#[test]
fn settings_that_cannot_work_are_told() {
    let open = |toml: &str| settings(toml).open(&Opening { name: "mail", base: Path::new("/nonexistent") });
    for (toml, expected) in [
        ("relay = \"mail.example.org\"\ntls = \"none\"", "on this host"),
        ("relay = \"localhost\"\nuser = \"weir\"", "together"),
        ("relay = \"localhost\"\nca_file = \"ca.pem\"", "ca.pem"),
        ("relay = \"localhost\"\nimmediate = \"off\"\ndigest = \"off\"", "nothing would ever be mailed"),
    ] {
        let error = open(toml).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for toml in [
        "relay = \"x\"\nimmediate = \"urgent\"",
        "relay = \"x\"\ndigest = \"soon\"",
        "",
        "relay = \"x\"\ntls = \"maybe\"",
    ] {
        assert!(toml::from_str::<MailSettings>(&format!("{BASE}{toml}")).is_err(), "{toml}");
    }
    for to in ["[]", "[\"nobody\"]", "[\"a@example.org\\nBcc: b@example.org\"]"] {
        let toml = format!("relay = \"x\"\nfrom = \"weir@example.org\"\nto = {to}");
        assert!(toml::from_str::<MailSettings>(&toml).is_err(), "{toml}");
    }
    assert_eq!(settings("relay = \"x\"\ndigest = \"off\"").warnings().len(), 1);
}
