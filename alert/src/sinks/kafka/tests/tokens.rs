//! Where tokens come from, and what is made of them.

use super::super::token::Tokens;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs;
use weir_net::http::stand_in::{Answer, StandIn};

fn tokens(written: &str, base: &Path) -> Result<Tokens, NetError> {
    Tokens::new(&toml::from_str(written).unwrap(), base)
}

fn web_token(claims: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

#[test]
fn a_file_is_read_again_and_its_token_says_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, web_token("{\"sub\":\"weir\",\"exp\":4102444800}")).unwrap();
    let tokens = tokens("file = \"token\"", folder.path()).unwrap();
    let token = tokens.token().unwrap();
    assert_eq!((&*token.principal_name, token.lifetime_ms), ("weir", 4_102_444_800_000));

    fs::write(&path, web_token("{\"exp\":1000000000}")).unwrap();
    let Err(error) = tokens.token() else { panic!() };
    assert!(error.text.contains("has ended") && error.text.contains("token"), "{}", error.text);

    // What is no JSON Web Token is read again after a while.
    fs::write(&path, "opaque").unwrap();
    let token = tokens.token().unwrap();
    let now = i64::try_from(crate::sinks::clock::seconds_since_1970()).unwrap() * 1_000;
    assert!(token.token == "opaque" && (now + 200_000..now + 400_000).contains(&token.lifetime_ms));
}

#[test]
fn a_server_is_asked_with_the_clients_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "correct horse").unwrap();
    let server =
        StandIn::new(|_| Answer::json(&serde_json::json!({ "access_token": "given", "expires_in": 600 })));
    let written = format!(
        "oidc = {{ url = \"{}token\", scope = \"kafka write\", http.credentials.basic = {{ user = \"weir\", file = \"secret\" }} }}",
        server.url
    );
    let tokens = tokens(&written, folder.path()).unwrap();
    assert_eq!(tokens.token().unwrap().token, "given");
    let asked = server.asked().remove(0);
    assert_eq!((&*asked.method, &*asked.path), ("POST", "/token"));
    assert_eq!(asked.body, b"grant_type=client_credentials&scope=kafka+write");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.headers["authorization"], "Basic d2Vpcjpjb3JyZWN0IGhvcnNl");

    let refusing = StandIn::new(|_| Answer::new(401, &[], "{\"error\":\"invalid_client correct horse\"}"));
    let written = written.replace(server.url.as_str(), refusing.url.as_str());
    let Err(error) = self::tokens(&written, folder.path()).unwrap().token() else { panic!() };
    assert!(error.text.contains("were refused") && !error.text.contains("correct horse"), "{}", error.text);
}

/// librdkafka asks for a token before it logs in, and what is wrong with that is said.
#[test]
fn a_token_that_is_missing_is_complained_of() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), web_token("{\"exp\":1000000000}")).unwrap();
    let bus = bus::Bus::new(1);
    let settings = bus.settings("sasl = { mechanism = \"OAUTHBEARER\", file = \"token\" }");
    let plan = Plan::new(&settings, &Opening { name: "bus", base: folder.path() }).unwrap();
    let outcomes = Kafka::open(plan).unwrap().deliver(&[alert(1, 0)], in_seconds(2));
    let [Outcome::Failed(why)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(why.contains("has ended") && why.contains("look at `sasl`"), "{why}");
}
