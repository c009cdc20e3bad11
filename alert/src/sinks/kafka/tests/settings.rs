//! Settings, and the properties that are made of them.

use super::*;
use std::fs;

fn plan(text: &str, base: &Path) -> Result<Plan, NetError> {
    let settings: KafkaSettings = toml::from_str(text)
        .map_err(|error| NetError::new(weir_net::NetErrorKind::Settings, error.to_string()))?;
    Plan::new(&settings, &Opening { name: "bus", base })
}

fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    plan(text, folder.path()).and_then(|plan| plan.producer().map(|_| ())).unwrap_err().text
}

#[test]
fn promises_cannot_be_set_away() {
    let property = |key: &str| refused(&format!("brokers = [\"localhost\"]\nlibrdkafka.\"{key}\" = \"1\""));
    assert!(property("acks").contains("alerts are lost"));
    for key in [
        "request.required.acks",
        "enable.idempotence",
        "max.in.flight.requests.per.connection",
        "retries",
        "message.send.max.retries",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "delivery.report.only.error",
        "transactional.id",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "bootstrap.servers",
        "sasl.password",
        "sasl.oauthbearer.client.secret",
        "ssl.key.pem",
        "ssl.key.password",
        "ssl.keystore.password",
        "log.queue",
        "plugin.library.paths",
    ] {
        assert!(property(key).contains("cannot be set"), "{key}");
    }
    assert!(
        property("no.such.property").contains("librdkafka does not take"),
        "{}",
        property("no.such.property")
    );
}

#[test]
fn what_cannot_work_is_said_at_once() {
    assert!(refused("brokers = []").contains("host:port"));
    assert!(refused("brokers = [\"user@host\"]").contains("host:port"));
    assert!(refused("").contains("brokers"));
    assert!(refused("brokers = [\"a\"]\ncolour = 1").contains("colour"));
    assert!(
        refused("brokers = [\"a\"]\ntopics.prefix = \"weir/\"").contains("cannot be the name of a topic")
    );
    assert!(refused("brokers = [\"a\"]\ncompression = \"rar\"").contains("rar"));
    assert!(
        refused("brokers = [\"a\"]\nsasl = { mechanism = \"PLAIN\", user = \"u\" }")
            .contains("`file` or `env`")
    );
    assert!(
        refused("brokers = [\"a\"]\nsasl = { mechanism = \"PLAIN\", user = \"u\", file = \"none\" }")
            .contains("none")
    );
    assert!(
        refused("brokers = [\"a\"]\nsasl = { mechanism = \"PLAIN\", user = \"u\", password = \"p\" }")
            .contains("password")
    );
    assert!(refused("brokers = [\"a\"]\ntls.ca_file = \"none.pem\"").contains("none.pem"));
    assert!(refused("brokers = [\"a\"]\nsasl = { mechanism = \"OAUTHBEARER\" }").contains("`file` or `env`"));
    let oidc = "sasl = { mechanism = \"OAUTHBEARER\", oidc = { url = \"https://login.example/token\" } }";
    assert!(refused(&format!("brokers = [\"a\"]\n{oidc}")).contains("http.credentials.basic"));
}

#[test]
fn kerberos_is_refused_where_it_is_not_built_in_and_its_names_are_harmless() {
    let gssapi = |principal: &str| {
        refused(&format!(
            "brokers = [\"a\"]\nsasl = {{ mechanism = \"GSSAPI\", principal = \"{principal}\", keytab = \"k\" }}"
        ))
    };
    if cfg!(feature = "kerberos") {
        assert!(gssapi("weir; reboot").contains("letters, digits"));
    } else {
        assert!(gssapi("weir@EXAMPLE").contains("--features kerberos"));
    }
}

/// What librdkafka is told for a cluster with TLS, a certificate of ours, and SCRAM; it takes it.
#[test]
fn tls_and_scram_become_properties() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["kafka.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    fs::write(folder.path().join("own.pem"), certificate.pem() + &key.serialize_pem()).unwrap();
    fs::write(folder.path().join("password"), "correct horse\n").unwrap();
    let text = "brokers = [\"kafka1.example:9093\", \"kafka2.example\"]\n\
        tls = { ca_file = \"ca.pem\", system_ca = false, client_certificate = \"own.pem\", client_key = \"own.pem\" }\n\
        sasl = { mechanism = \"SCRAM-SHA-512\", user = \"weir\", file = \"password\" }\n\
        librdkafka = { \"linger.ms\" = 20, \"socket.keepalive.enable\" = false, \"client.rack\" = \"here\" }";
    let plan = plan(text, folder.path()).unwrap();
    plan.producer().unwrap();
    let (config, _) = plan.properties().unwrap();
    let property = |key: &str| config.get(key).unwrap_or_default().to_owned();
    assert_eq!(property("bootstrap.servers"), "kafka1.example:9093,kafka2.example");
    assert_eq!(property("security.protocol"), "sasl_ssl");
    assert_eq!(property("ssl.ca.pem"), certificate.pem().replace("\r\n", "\n"));
    assert_eq!(property("ssl.key.location"), folder.path().join("own.pem").display().to_string());
    assert_eq!(property("enable.ssl.certificate.verification"), "");
    assert_eq!(
        (property("sasl.mechanism"), property("sasl.username")),
        ("SCRAM-SHA-512".to_owned(), "weir".to_owned())
    );
    assert_eq!(property("sasl.password"), "correct horse");
    assert_eq!(
        (property("linger.ms"), property("socket.keepalive.enable")),
        ("20".to_owned(), "false".to_owned())
    );
    assert_eq!((property("enable.idempotence"), property("acks")), ("true".to_owned(), "all".to_owned()));
    assert!(!format!("{plan:?}").contains("correct horse"));
}

#[test]
fn mechanisms_and_listeners() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), "correct horse").unwrap();
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for (tls, protocol) in
            [("", "sasl_plaintext"), ("tls = {}", "sasl_ssl"), ("tls.verify = false", "sasl_ssl")]
        {
            let text = format!(
                "brokers = [\"a\"]\nsasl = {{ mechanism = \"{mechanism}\", user = \"u\", file = \"password\" }}\n{tls}"
            );
            let plan = plan(&text, folder.path()).unwrap();
            plan.producer().unwrap();
            let (config, _) = plan.properties().unwrap();
            assert_eq!(
                (config.get("sasl.mechanism"), config.get("security.protocol")),
                (Some(mechanism), Some(protocol))
            );
            let verified = config.get("enable.ssl.certificate.verification");
            assert_eq!(verified, tls.contains("false").then_some("false"));
        }
    }
}

#[test]
fn what_is_not_safe_is_warned_of() {
    let warnings = |text: &str| toml::from_str::<KafkaSettings>(text).unwrap().warnings();
    let sasl = "sasl = { mechanism = \"PLAIN\", user = \"u\", file = \"p\" }";
    assert_eq!(warnings("brokers = [\"a\"]"), Vec::<String>::new());
    assert_eq!(warnings(&format!("brokers = [\"a\"]\ntls = {{}}\n{sasl}")), Vec::<String>::new());
    assert!(warnings(&format!("brokers = [\"a\"]\n{sasl}"))[0].contains("without TLS"));
    assert!(warnings("brokers = [\"a\"]\ntls.verify = false")[0].contains("read and change"));
}
