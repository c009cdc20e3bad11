//! What is not told, though it was seen: `tell_also` and `leave_out`.

use super::network;
use anyhow::{Result, bail};
use weir_model::text::printable;
use weir_model::{Networks, Told};

/// What may leave the probe (docs/PRIVACY.md).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Privacy {
    /// What is told of requests beyond method, host and path.
    pub told: Told,
    /// Networks that nothing is told of.
    pub left_out: Networks,
}

impl Privacy {
    /// As they are written.
    pub(super) fn new(tell_also: &[String], leave_out: &[String]) -> Result<Self> {
        let mut told = Told::default();
        for keyword in tell_also {
            let Some(more) = told.with(keyword.trim()) else {
                let (keyword, known) = (printable(keyword, 100), Told::KEYWORDS.join(", "));
                bail!("tell-also: `{keyword}` is none of {known}");
            };
            told = more;
        }
        let networks = leave_out.iter().map(|text| network("leave-out", text)).collect::<Result<Vec<_>>>()?;
        Ok(Self { told, left_out: Networks::new(&networks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_networks_are_as_written() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(Privacy::new(&[], &[]).unwrap(), Privacy::default());
        let privacy =
            Privacy::new(&texts(&Told::KEYWORDS), &texts(&["192.0.2.9/26", "2001:db8::1"])).unwrap();
        assert_eq!(privacy.told, Told::ALL);
        let networks: Vec<_> = privacy.left_out.networks().iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["192.0.2.0/26", "2001:db8::1/128"]);
        for (told, left_out, says) in [
            ("query", "10.0.0.0/8", "tell-also: `query` is none of url_query, userinfo, user_agent"),
            ("url_query", "library", "leave-out: `library` is neither an address nor a prefix"),
        ] {
            let error = Privacy::new(&texts(&[told]), &texts(&[left_out])).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
