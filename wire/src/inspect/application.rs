//! The protocols that are recognised, and each told once per conversation.

use weir_model::flow::APPLICATIONS;
use weir_model::observation::Fact;

/// A protocol, as ECS `network.protocol` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Application {
    BitTorrent,
    Dhcp,
    Dhcpv6,
    Dns,
    Dtls,
    Ftp,
    Http,
    Http2,
    Imap,
    Ldap,
    Llmnr,
    Mdns,
    Mqtt,
    Mysql,
    Ntp,
    Pop3,
    Postgresql,
    Quic,
    Rdp,
    Rtsp,
    Sip,
    Smb,
    Smtp,
    Snmp,
    Socks,
    Ssdp,
    Ssh,
    Stun,
    Tls,
    Vnc,
    Wireguard,
    Xmpp,
}

impl Application {
    const fn keyword(self) -> &'static str {
        match self {
            Self::BitTorrent => "bittorrent",
            Self::Dhcp => "dhcp",
            Self::Dhcpv6 => "dhcpv6",
            Self::Dns => "dns",
            Self::Dtls => "dtls",
            Self::Ftp => "ftp",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Imap => "imap",
            Self::Ldap => "ldap",
            Self::Llmnr => "llmnr",
            Self::Mdns => "mdns",
            Self::Mqtt => "mqtt",
            Self::Mysql => "mysql",
            Self::Ntp => "ntp",
            Self::Pop3 => "pop3",
            Self::Postgresql => "postgresql",
            Self::Quic => "quic",
            Self::Rdp => "rdp",
            Self::Rtsp => "rtsp",
            Self::Sip => "sip",
            Self::Smb => "smb",
            Self::Smtp => "smtp",
            Self::Snmp => "snmp",
            Self::Socks => "socks",
            Self::Ssdp => "ssdp",
            Self::Ssh => "ssh",
            Self::Stun => "stun",
            Self::Tls => "tls",
            Self::Vnc => "vnc",
            Self::Wireguard => "wireguard",
            Self::Xmpp => "xmpp",
        }
    }
}

/// Which protocols of a conversation were told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told(u64);

impl Told {
    /// None.
    pub(super) const NOTHING: Self = Self(0);

    /// Tells of a protocol, unless that was done.
    pub(super) fn tell(&mut self, application: Application, learn: &mut dyn FnMut(Fact)) {
        if !self.has(application) {
            self.0 |= bit(application);
            // What is stored of flows is read back by that list.
            debug_assert!(
                APPLICATIONS.contains(&application.keyword()),
                "{} is not listed",
                application.keyword()
            );
            learn(Fact::Application(application.keyword()));
        }
    }

    /// Whether it was told.
    pub(super) const fn has(self, application: Application) -> bool {
        self.0 & bit(application) != 0
    }
}

const fn bit(application: Application) -> u64 {
    1 << application as u64
}
