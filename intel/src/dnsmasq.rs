//! Configuration of dnsmasq that blocks names: `address=/evil.example/0.0.0.0`, `server=/evil.example/`, `local=/evil.example/`.

use crate::RefusalReason;
use crate::linewise::LineOut;
use crate::value;
use weir_model::Context;

/// Whether the first lines are such a configuration.
pub(crate) fn is_one(data: &[&str]) -> bool {
    let blocks =
        |line: &&str| ["address=/", "server=/", "local=/"].iter().any(|start| line.starts_with(start));
    data.iter().filter(|line| blocks(line)).count() * 2 > data.len()
}

/// Reads a line. All names between the slashes are meant, with all below them.
pub(crate) fn line(line: &str, out: &mut LineOut<'_, '_>) {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let Some((directive, rest)) = line.split_once("=/") else {
        return out.refuse(line, RefusalReason::UnsupportedType);
    };
    let Some((names, target)) = rest.rsplit_once('/') else {
        return out.refuse(line, RefusalReason::BadRow);
    };
    let is_blocked = match directive.trim() {
        "address" => true,
        // Without an address, nobody is asked: the name does not exist. With one, or `#`, it is asked for as usual.
        "server" | "local" => target.is_empty(),
        _ => return out.refuse(line, RefusalReason::UnsupportedType),
    };
    for name in names.split('/') {
        if is_blocked {
            out.value(line, value::parse(name), Context::default());
        } else {
            out.refuse(line, RefusalReason::Exception);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::load;

    #[test]
    fn blocked_names_are_indicators_and_forwarded_ones_are_not() {
        let loaded = load(
            "dnsmasq.conf",
            "# blocked\naddress=/evil.example/0.0.0.0\naddress=/a.example/b.example/#\nserver=/c.example/\n\
             local=/d.example/ # why\nserver=/good.example/192.0.2.53\naddress=/e.example\ncname=/x/y\nno-resolv\n",
        );
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(values, ["evil.example", "a.example", "b.example", "c.example", "d.example"]);
        let reasons: Vec<_> = loaded.refused.iter().map(|refusal| refusal.reason.keyword()).collect();
        assert_eq!(reasons, ["exception", "bad_row", "unsupported_type", "unsupported_type"]);
    }
}
