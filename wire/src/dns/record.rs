//! Resource records: the data of those types that Weir reads, and EDNS.

use super::name::Reader;
use super::{DnsError, HEADER_LEN};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::Name;
use weir_model::observation::{DnsData, DnsRecord, Edns};

/// Address hints kept of one SVCB or HTTPS record. Real ones have up to eight; the data could hold 16,000. The rest is
/// left out.
const MAX_HINTS: usize = 16;
/// Bytes kept of the text of one TXT record. The rest is left out.
const MAX_TEXT_BYTES: usize = 255;

const CLASS_IN: u16 = 1;

/// A record before its data.
#[derive(Debug)]
pub(super) struct Head {
    name: Name,
    pub(super) rtype: u16,
    class: u16,
    ttl: u32,
    pub(super) data_len: usize,
}

impl Head {
    /// `question` is the name of the first one: nearly all answers point back at it.
    pub(super) fn read(reader: &mut Reader<'_>, question: Option<&Name>) -> Result<Self, DnsError> {
        const POINTER_TO_QUESTION: [u8; 2] = [0xc0, HEADER_LEN as u8];
        let name = match question.filter(|_| reader.rest().starts_with(&POINTER_TO_QUESTION)) {
            Some(name) => {
                reader.take(POINTER_TO_QUESTION.len())?;
                name.clone()
            }
            None => reader.name()?,
        };
        Ok(Self {
            name,
            rtype: reader.u16()?,
            class: reader.u16()?,
            ttl: reader.u32()?,
            data_len: usize::from(reader.u16()?),
        })
    }

    /// The upper eight bits of the response code, which an OPT record has in place of a TTL (RFC 6891 section 6.1.3).
    pub(super) const fn extended_rcode(&self) -> u8 {
        self.ttl.to_be_bytes()[0]
    }

    pub(super) fn into_record(self, class_mask: u16, data: Reader<'_>) -> Result<DnsRecord, DnsError> {
        let class = self.class & class_mask;
        let data = read_data(self.rtype, class, data)?;
        Ok(DnsRecord { name: self.name, rtype: self.rtype, class, ttl: self.ttl, data })
    }
}

/// Empty data stands for "any" in updates (RFC 2136 section 2.4), whatever the type.
fn read_data(rtype: u16, class: u16, mut data: Reader<'_>) -> Result<DnsData, DnsError> {
    if data.left() == 0 {
        return Ok(DnsData::Other);
    }
    let disagrees = |_| DnsError::Data(rtype);
    let read = match rtype {
        1 if class == CLASS_IN => DnsData::A(Ipv4Addr::from(data.array().map_err(disagrees)?)),
        28 if class == CLASS_IN => DnsData::Aaaa(Ipv6Addr::from(data.array().map_err(disagrees)?)),
        2 | 12 => DnsData::Name(name_in(rtype, &mut data)?),
        5 | 39 => DnsData::Cname(name_in(rtype, &mut data)?),
        6 => soa(rtype, &mut data)?,
        15 => name_behind(2, rtype, &mut data)?,
        33 => name_behind(6, rtype, &mut data)?,
        16 => return text(rtype, data),
        64 | 65 => return service(rtype, data),
        _ => return Ok(DnsData::Other),
    };
    if data.left() == 0 { Ok(read) } else { Err(DnsError::Data(rtype)) }
}

/// A name in data; one that runs over the end of the data is the data's fault, not that of a cut payload.
fn name_in(rtype: u16, data: &mut Reader<'_>) -> Result<Name, DnsError> {
    data.name().map_err(|error| match error {
        DnsError::Short(_) => DnsError::Data(rtype),
        other => other,
    })
}

/// MX and SRV: numbers, then a name.
fn name_behind(skip: usize, rtype: u16, data: &mut Reader<'_>) -> Result<DnsData, DnsError> {
    data.take(skip).map_err(|_| DnsError::Data(rtype))?;
    name_in(rtype, data).map(DnsData::Name)
}

/// SOA: the primary's name, the mailbox, five numbers.
fn soa(rtype: u16, data: &mut Reader<'_>) -> Result<DnsData, DnsError> {
    let primary = name_in(rtype, data)?;
    name_in(rtype, data)?;
    data.take(20).map_err(|_| DnsError::Data(rtype))?;
    Ok(DnsData::Name(primary))
}

fn text(rtype: u16, mut data: Reader<'_>) -> Result<DnsData, DnsError> {
    let mut joined = Vec::new();
    while data.left() > 0 {
        let length = usize::from(data.u8()?);
        let string = data.take(length).map_err(|_| DnsError::Data(rtype))?;
        let room = MAX_TEXT_BYTES - joined.len();
        joined.extend(string.iter().take(room));
    }
    Ok(DnsData::Text(crate::text::escape(&joined).into()))
}

/// SVCB and HTTPS (RFC 9460 section 2.2): priority, target, parameters.
fn service(rtype: u16, mut data: Reader<'_>) -> Result<DnsData, DnsError> {
    let disagrees = |_| DnsError::Data(rtype);
    data.u16().map_err(disagrees)?;
    let target = name_in(rtype, &mut data)?;
    let mut hints = Vec::new();
    let mut ech = false;
    while data.left() > 0 {
        let key = data.u16().map_err(disagrees)?;
        let length = usize::from(data.u16().map_err(disagrees)?);
        let value = data.take(length).map_err(disagrees)?;
        match key {
            4 => hints.extend(value.as_chunks().0.iter().map(|ip: &[u8; 4]| IpAddr::from(*ip))),
            5 => ech = true,
            6 => hints.extend(value.as_chunks().0.iter().map(|ip: &[u8; 16]| IpAddr::from(*ip))),
            _ => {}
        }
        hints.truncate(MAX_HINTS);
    }
    Ok(DnsData::Service { target, hints, ech })
}

/// An OPT record (RFC 6891 section 6.1.2): what could be read of it, and whether that was all.
pub(super) fn edns(head: &Head, data: Reader<'_>) -> (Edns, Result<(), DnsError>) {
    let [_, version, flags, _] = head.ttl.to_be_bytes();
    let mut edns = Edns { udp_payload: head.class, version, dnssec_ok: flags & 0x80 != 0, ..Edns::default() };
    let outcome = read_options(&mut edns, data).map_err(|_| DnsError::Data(head.rtype));
    (edns, outcome)
}

fn read_options(edns: &mut Edns, mut data: Reader<'_>) -> Result<(), DnsError> {
    while data.left() > 0 {
        let code = data.u16()?;
        let length = usize::from(data.u16()?);
        let mut option = data.sub(length)?;
        match code {
            8 => edns.client_subnet = edns.client_subnet.or(client_subnet(option)),
            15 => note_extended_error(edns, option.u16()?),
            _ => {}
        }
    }
    Ok(())
}

/// Of several errors the one that tells of a policy is kept (15 blocked, 16 censored, 17 filtered, 18 prohibited).
fn note_extended_error(edns: &mut Edns, code: u16) {
    let is_policy = |code: u16| (15..=18).contains(&code);
    match edns.extended_error {
        Some(known) if is_policy(known) || !is_policy(code) => {}
        _ => edns.extended_error = Some(code),
    }
}

/// RFC 7871 section 6: family, source prefix length, scope prefix length, as much of the address as the prefix covers.
fn client_subnet(mut option: Reader<'_>) -> Option<(IpAddr, u8)> {
    let [high, low, prefix, _scope] = option.array().ok()?;
    let address = option.rest();
    match u16::from_be_bytes([high, low]) {
        1 if prefix <= 32 => Some((IpAddr::from(zero_filled::<4>(address)?), prefix)),
        2 if prefix <= 128 => Some((IpAddr::from(zero_filled::<16>(address)?), prefix)),
        _ => None,
    }
}

fn zero_filled<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut filled = [0; N];
    filled.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(filled)
}
