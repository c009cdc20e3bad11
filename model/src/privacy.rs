//! What is seen and not told: parts of requests, and networks that nothing is told of.

use crate::flow::Flow;
use crate::observation::{Fact, HttpRequest, Observation, ToldNames};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// What is told of requests beyond method, host and path. Queries hold search terms, names and tokens of sessions; a user agent tells
/// people behind one address apart. Indicators are compared with what was seen, whatever is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What follows `?` in a target.
    pub url_query: bool,
    /// `user:password@` of URLs that stand in a target; that of the target itself is not even decoded.
    pub userinfo: bool,
    /// User-Agent.
    pub user_agent: bool,
}

impl Told {
    /// Everything.
    pub const ALL: Self = Self { url_query: true, userinfo: true, user_agent: true };

    /// The parts by their keywords.
    pub const KEYWORDS: [&'static str; 3] = ["url_query", "userinfo", "user_agent"];

    /// With the part of that keyword; `None` if there is none.
    pub fn with(self, keyword: &str) -> Option<Self> {
        Some(match keyword {
            "url_query" => Self { url_query: true, ..self },
            "userinfo" => Self { userinfo: true, ..self },
            "user_agent" => Self { user_agent: true, ..self },
            _ => return None,
        })
    }

    /// The keywords of what is told.
    pub fn keywords(self) -> impl Iterator<Item = &'static str> {
        let told = [self.url_query, self.userinfo, self.user_agent];
        Self::KEYWORDS.into_iter().zip(told).filter_map(|(keyword, is_told)| is_told.then_some(keyword))
    }

    /// What of an observation is told.
    pub fn of_observation(self, observation: &Observation) -> Cow<'_, Observation> {
        let fact = match &observation.fact {
            Fact::HttpRequest(request) => self.of_request(request).map(Arc::new).map(Fact::HttpRequest),
            Fact::Told(names) => self
                .of_target(&names.http_path)
                .map(|http_path| Fact::Told(Arc::new(ToldNames { http_path, ..ToldNames::clone(names) }))),
            _ => None,
        };
        match fact {
            Some(fact) => Cow::Owned(Observation { fact, ..observation.clone() }),
            None => Cow::Borrowed(observation),
        }
    }

    /// Leaves of a flow what is told.
    pub fn trim(self, flow: &mut Flow) {
        if let Some(request) = flow.http.as_mut().and_then(|http| http.request.as_mut())
            && let Some(trimmed) = self.of_request(request)
        {
            *request = Arc::new(trimmed);
        }
    }

    /// What of a request is told, if it is not all.
    fn of_request(self, request: &HttpRequest) -> Option<HttpRequest> {
        let path = self.of_target(&request.path);
        if path.is_none() && (self.user_agent || request.user_agent.is_none()) {
            return None;
        }
        let user_agent = request.user_agent.clone().filter(|_| self.user_agent);
        let path = path.unwrap_or_else(|| Arc::clone(&request.path));
        Some(HttpRequest { path, user_agent, ..request.clone() })
    }

    /// Likewise of path and query.
    fn of_target(self, target: &str) -> Option<Arc<str>> {
        let told = match target.split_once('?') {
            Some((path, _)) if !self.url_query => path,
            _ => target,
        };
        let told = if self.userinfo { Cow::Borrowed(told) } else { without_userinfo(told) };
        (told != target).then(|| told.as_ref().into())
    }
}

/// Text without what stands before `@` in authorities: behind `//`, up to the next delimiter (RFC 3986 section 3.2).
fn without_userinfo(text: &str) -> Cow<'_, str> {
    if !(text.contains('@') && text.contains("//")) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut parts = text.split("//");
    kept.push_str(parts.next().unwrap_or_default());
    for part in parts {
        kept.push_str("//");
        let end = part.find(['/', '?', '#', '&']).unwrap_or(part.len());
        let (authority, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        kept.push_str(authority.rsplit('@').next().unwrap_or(authority));
        kept.push_str(rest);
    }
    Cow::Owned(kept)
}

/// Networks, as whoever asks for each packet or each address in a text wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    as_given: Arc<[IpNet]>,
    /// First and last addresses in order, without overlaps.
    v4: Arc<[(u32, u32)]>,
    v6: Arc<[(u128, u128)]>,
}

impl Networks {
    /// These networks.
    pub fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut joined = IpNet::aggregate(&networks.to_vec());
        joined.sort_unstable();
        for network in &joined {
            match network {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => v6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        Self { as_given: networks.into(), v4: v4.into(), v6: v6.into() }
    }

    /// As they were given.
    pub fn networks(&self) -> &[IpNet] {
        &self.as_given
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.as_given.is_empty()
    }

    /// Whether an address is in one of them.
    pub fn holds(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => is_in(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => is_in(&self.v6, ip.to_bits()),
        }
    }
}

fn is_in<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    behind.checked_sub(1).and_then(|place| ranges.get(place)).is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::RequestForm;

    fn request(path: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".into(),
            host: None,
            port: None,
            path: path.into(),
            user_agent: Some("curl/8".into()),
            form: RequestForm::Origin,
        }
    }

    #[test]
    fn what_is_not_told_is_gone_and_the_rest_stays() {
        for (path, plain, with_query, with_userinfo) in [
            ("/a", "/a", "/a", "/a"),
            ("/a?q=1&r=?", "/a", "/a?q=1&r=?", "/a"),
            ("/http://u:p@h/x?y=//v@w", "/http://h/x", "/http://h/x?y=//w", "/http://u:p@h/x"),
            ("/~me@home", "/~me@home", "/~me@home", "/~me@home"),
            ("?", "", "?", ""),
        ] {
            let of = |keywords: &[&str]| {
                let told = keywords.iter().fold(Told::default(), |told, keyword| told.with(keyword).unwrap());
                let request = request(path);
                told.of_request(&request).unwrap_or(request)
            };
            let none = of(&[]);
            assert_eq!((&*none.path, none.user_agent), (plain, None), "{path}");
            assert_eq!(&*of(&["url_query"]).path, with_query, "{path}");
            assert_eq!(&*of(&["userinfo"]).path, with_userinfo, "{path}");
            assert_eq!(of(&["user_agent"]).user_agent.as_deref(), Some("curl/8"));
            assert_eq!(of(&Told::KEYWORDS), request(path));
        }
        assert_eq!(Told::default().with("query"), None);
        assert_eq!(Told::ALL.keywords().collect::<Vec<_>>(), Told::KEYWORDS);
        assert_eq!(Told::ALL.of_request(&request("/a?b")), None);
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let nets = ["192.0.2.64/26", "10.0.0.0/8", "10.1.0.0/16", "2001:db8:1::/48", "203.0.113.7/32"];
        let left_out = Networks::new(&nets.map(|net| net.parse().unwrap()));
        for (ip, is_held) in [
            ("192.0.2.63", false),
            ("192.0.2.64", true),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("203.0.113.7", true),
            ("203.0.113.8", false),
            ("::ffff:10.1.2.3", true),
            ("2001:db8:1:ffff::", true),
            ("2001:db8:2::", false),
        ] {
            assert_eq!(left_out.holds(ip.parse().unwrap()), is_held, "{ip}");
        }
        assert!(Networks::default().is_empty() && !left_out.is_empty());
        assert!(!Networks::default().holds("10.1.2.3".parse().unwrap()));
    }
}
