//! Keys that several tables have: secrets, TLS, HTTP.

use super::Key;
use crate::config::form::{Form, MIB};

/// Where a secret lies (`weir_net::SecretPlace`).
pub(super) const SECRET: &[Key] = &[FILE, ENV];
const FILE: Key =
    Key::new("file", Form::File, "\"secret.txt\"").means("The file in which the secret lies, in one line");
const ENV: Key = Key::new("env", Form::Variable, "\"WEIR_SECRET\"")
    .means("The variable of the environment in which the secret lies")
    .instead_of("file");

/// `weir_net::tls::TlsSettings`.
pub(super) const TLS: &[Key] = &[CA_FILE, SYSTEM_CA, VERIFY, CLIENT_CERTIFICATE, CLIENT_KEY];
pub(super) const CA_FILE: Key = Key::new("ca_file", Form::File, "\"our-ca.pem\"")
    .means("PEM file with certificates of authorities to be trusted besides those of the system");
const SYSTEM_CA: Key = Key::new("system_ca", Form::Switch, "true")
    .means("Whether the authorities that the system trusts are trusted; false leaves only those of ca_file")
    .or("true");
const VERIFY: Key = Key::new("verify", Form::Switch, "true")
    .means(
        "Whether the server must prove who it is; false lets anybody on the way read and change everything",
    )
    .or("true");
const CLIENT_CERTIFICATE: Key = Key::new("client_certificate", Form::File, "\"weir.pem\"")
    .means("PEM file with our own certificate and those up to its authority, where the server asks for one");
const CLIENT_KEY: Key = Key::new("client_key", Form::File, "\"weir.key\"")
    .means("PEM file with the key of client_certificate; it may be the same file");

/// `weir_net::http::HttpSettings`.
pub(super) const HTTP: &[Key] = &[
    Key::new("proxy", Form::Text, "\"http://proxy.example:3128\"")
        .means("By which proxy: \"environment\" (HTTPS_PROXY and the like), \"none\", or its URL")
        .or("\"environment\""),
    CA_FILE,
    SYSTEM_CA,
    VERIFY,
    CLIENT_CERTIFICATE,
    CLIENT_KEY,
    Key::new("credentials", Form::Table(CREDENTIALS), "{ bearer = { file = \"token\" } }")
        .means("Who we are to the server: one of basic, bearer and header"),
    time("connect_timeout", "\"15s\"", "Longest time until a connection stands, TLS and proxies included"),
    time("idle_timeout", "\"3m\"", "Longest silence: until the answer begins, and between its parts"),
    time("timeout", "\"15m\"", "Longest time that one answer may take as a whole"),
    size("max_size", "\"512MiB\"", "Most bytes of one answer, as they are sent"),
    size("max_unpacked_size", "\"2GiB\"", "Most bytes of one answer when it is unpacked"),
];

/// `weir_net::http::Credentials`.
const CREDENTIALS: &[Key] = &[
    Key::new(
        "basic",
        Form::Table(&[name("user", "\"weir\"", "The name"), FILE, ENV]),
        "{ user = \"weir\", file = \"password\" }",
    )
    .means("A name and a password (RFC 7617)"),
    Key::new("bearer", Form::Table(SECRET), "{ file = \"token\" }")
        .means("A token (RFC 6750)")
        .instead_of("basic"),
    Key::new(
        "header",
        Form::Table(&[name("name", "\"Authorization\"", "The header"), FILE, ENV]),
        "{ name = \"Authorization\", file = \"misp.key\" }",
    )
    .means("A header of the server's own: MISP wants its key alone in Authorization")
    .instead_of("basic"),
];

const fn name(name: &'static str, example: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::Text, example).means(words).needed()
}

/// A time with a default.
pub(super) const fn time(name: &'static str, default: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::Time, default).means(words).or(default)
}

/// A size with a default.
pub(super) const fn size(name: &'static str, default: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::Size { least: 1, most: u64::MAX }, default).means(words).or(default)
}

/// A table about the server.
pub(super) const HTTP_KEY: Key = Key::new("http", Form::Table(HTTP), "{ ca_file = \"our-ca.pem\" }")
    .means("How the server is spoken to: proxy, TLS, credentials, limits");

/// What anything needs that keeps more than a little.
pub(super) const LEAST_BYTES: u64 = MIB;
