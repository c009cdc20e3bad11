//! MISP's decaying models: what an indicator is worth falls with time, and below a threshold it counts no longer.

use std::time::Duration;
use weir_model::IndicatorValue;

/// A model with the polynomial formula (MISP `app/Model/DecayingModelsFormulas/Polynomial.php`, after Mokaddem et al., "Taxonomy
/// driven indicator scoring in MISP threat intelligence platforms", arXiv 1902.03914):
///
/// ```text
/// score(t) = base score * (1 - (t / lifetime)^(1 / decay speed))        decayed when score < threshold
/// ```
///
/// `t` is counted, as in `Base.php`, from when the source last saw it, else from when the source last changed it. MISP's sightings
/// are not known here. Where MISP says "decayed" to a time that is still to come, the indicator counts: clocks differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Decay {
    /// When nothing is left.
    pub lifetime: Duration,
    /// How fast it falls in the beginning: 1 is a straight line, more is faster at first.
    pub speed: f64,
    /// Below which score it counts no longer.
    pub threshold: f64,
    /// The score in the beginning.
    pub base_score: f64,
    /// Whether the source's confidence is the score in the beginning, where it gives one. MISP computes it from tags of taxonomies, of
    /// which confidence is one; their numerical values are not kept here.
    pub is_base_confidence: bool,
    /// To which kinds of values the model applies, as [`IndicatorValue::kind`] writes them.
    pub kinds: Vec<String>,
}

impl Decay {
    /// MISP's default "NIDS Simple Decaying Model" (version 2 of `models/nids-simple-model.json` in misp-decaying-models): 120 days, of
    /// which with its scores 46 days and 21 hours remain.
    pub fn nids_simple() -> Self {
        Self {
            lifetime: Duration::from_hours(24 * 120),
            speed: 2.0,
            threshold: 30.0,
            base_score: 80.0,
            is_base_confidence: false,
            kinds: ["address", "address_port", "network", "domain", "host", "url"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// The score after a time.
    pub fn score(&self, base_score: f64, elapsed: Duration) -> f64 {
        let share = elapsed.as_secs_f64() / self.lifetime.as_secs_f64();
        (base_score * (1.0 - share.powf(1.0 / self.speed))).max(0.0)
    }

    /// How long a value counts: `score(t) = threshold` solved for `t`. `None`: always.
    pub(super) fn lifetime_of(&self, value: &IndicatorValue, confidence: Option<u8>) -> Option<Duration> {
        // A score is never below zero.
        if self.threshold <= 0.0 || !self.kinds.iter().any(|kind| kind == value.kind()) {
            return None;
        }
        let confidence = confidence.filter(|_| self.is_base_confidence).map(f64::from);
        let base_score = confidence.unwrap_or(self.base_score);
        let left = 1.0 - self.threshold / base_score;
        if left > 0.0 {
            // Settings that make no number (a speed of NaN) end no indicator's life.
            Duration::try_from_secs_f64(self.lifetime.as_secs_f64() * left.powf(self.speed)).ok()
        } else {
            Some(Duration::ZERO)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores as MISP's formula has them, worked out by hand: 80 * (1 - sqrt(30/120)) = 40; 80 * (1 - sqrt(46.875/120)) = 30.
    #[test]
    fn decays_as_in_misp() {
        let model = Decay::nids_simple();
        let days = |days: f64| Duration::from_secs_f64(days * 86_400.0);
        assert!((model.score(80.0, days(30.0)) - 40.0).abs() < 1e-9);
        assert!((model.score(80.0, days(0.0)) - 80.0).abs() < 1e-9);
        assert!(model.score(80.0, days(121.0)) < 1e-9);
        let value = IndicatorValue::Address("192.0.2.1".parse().unwrap());
        let life = model.lifetime_of(&value, Some(10)).unwrap();
        assert!((life.as_secs_f64() / 86_400.0 - 46.875).abs() < 1e-6);
        assert!(model.score(80.0, life + days(0.001)) < 30.0);
        assert!(model.score(80.0, life.saturating_sub(days(0.001))) > 30.0);
        assert_eq!(model.lifetime_of(&IndicatorValue::Ja3([0; 16]), None), None);
        let confident = Decay { is_base_confidence: true, ..model };
        assert_eq!(confident.lifetime_of(&value, Some(10)), Some(Duration::ZERO));
    }
}
