//! What went wrong, in words that help.

use crate::{NetError, NetErrorKind};
use std::io;
use ureq::{Error, Timeout};
use url::Url;

/// A URL as it may be shown: without a query, which may hold a key.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(url.query().map(|_| "..."));
    shown.set_fragment(None);
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.into()
}

/// Why no answer came.
pub(super) fn no_answer(url: &Url, error: &Error) -> NetError {
    let kind = NetErrorKind::Unreachable;
    let text = match error {
        Error::HostNotFound => "there is no such host, or no name server answers".to_owned(),
        Error::ConnectionFailed => "nobody accepts connections there".to_owned(),
        Error::Timeout(timeout) => return too_slow(url, *timeout),
        Error::Io(error) if tls_error(error).is_some() => {
            return untrusted(url, &tls_error(error).unwrap_or_default());
        }
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => return untrusted(url, &error.to_string()),
        Error::Tls(text) => return untrusted(url, text),
        Error::ConnectProxyFailed(text) => format!("the proxy does not connect to it: {text}"),
        Error::Protocol(error) => {
            return NetError::new(
                NetErrorKind::Malformed,
                format!("{}: what answers does not speak HTTP: {error}", shown(url)),
            );
        }
        Error::LargeResponseHeader(..) => {
            return NetError::new(
                NetErrorKind::TooLarge,
                format!("{}: the header of the answer is larger than allowed", shown(url)),
            );
        }
        Error::Http(_) | Error::BadUri(_) => {
            return NetError::new(
                NetErrorKind::Settings,
                format!("{}: this cannot be asked: {error}", shown(url)),
            );
        }
        other => other.to_string(),
    };
    NetError::new(kind, format!("{}: {text}", shown(url)))
}

/// Why an answer came to no end.
pub(super) fn broken_off(url: &Url, error: &io::Error) -> NetError {
    let inner = error.get_ref();
    if let Some(known) = inner.and_then(|inner| inner.downcast_ref::<NetError>()) {
        return known.clone();
    }
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::Timeout(timeout)) => too_slow(url, *timeout),
        Some(error) => no_answer(url, error),
        None if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            NetError::new(
                NetErrorKind::Malformed,
                format!("{}: the answer cannot be unpacked: {error}", shown(url)),
            )
        }
        None => {
            NetError::new(NetErrorKind::Unreachable, format!("{}: the answer broke off: {error}", shown(url)))
        }
    }
}

/// Whether a connection that had been kept open was closed at the other end in the meantime.
pub(super) fn is_stale_connection(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, Error::Io(error)
        if tls_error(error).is_none()
            && matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

fn too_slow(url: &Url, timeout: Timeout) -> NetError {
    let (kind, what) = match timeout {
        Timeout::Resolve => (NetErrorKind::Unreachable, "no name server answered in time"),
        Timeout::Connect => (
            NetErrorKind::Unreachable,
            "no connection in time; is there a proxy or firewall? (`connect_timeout`)",
        ),
        Timeout::PerRead | Timeout::PerWrite | Timeout::RecvResponse => {
            (NetErrorKind::Unreachable, "the server fell silent (`idle_timeout`)")
        }
        _ => (NetErrorKind::TooLarge, "the answer took longer than allowed (`timeout`)"),
    };
    NetError::new(kind, format!("{}: {what}", shown(url)))
}

fn untrusted(url: &Url, text: &str) -> NetError {
    let hint = if text.contains("certificate") || text.contains("Certificate") {
        "; if its authority is yours, name it with `ca_file`, or install the package ca-certificates"
    } else {
        ""
    };
    NetError::new(NetErrorKind::Unreachable, format!("{}: TLS: {text}{hint}", shown(url)))
}

fn tls_error(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<rustls::Error>().map(ToString::to_string)
}
