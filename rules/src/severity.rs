//! How urgent an incident is.

use weir_model::alert::Severity;
use weir_model::{Direction, Effect, Grade, IndicatorValue, Role};

/// What the urgency of an incident depends on.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Direction.
    pub direction: Direction,
    /// Grade reached.
    pub grade: Grade,
    /// The indicator that rings.
    pub indicator: &'a IndicatorValue,
    /// Roles of the host that it is about.
    pub roles: &'a [Role],
    /// The indicator had touched this host before from outside, or (inbound) a touched host called it back later.
    pub called_back: bool,
    /// All sources know the indicator from one side of flows, and it was only met on the other.
    pub is_other_side: bool,
    /// What warninglists that hold the indicator do.
    pub warned: Option<Effect>,
}

/// Says how urgent an incident is.
///
/// | | looked_up | attempted | connected | exchanged |
/// |---|---|---|---|---|
/// | outbound | low | medium | medium | high |
/// | unknown | low | low | medium | medium |
/// | lateral | low | low | medium | medium |
/// | inbound | informational | informational | low | low |
/// | transit | informational | informational | informational | informational |
///
/// A JA3 or JA4 is shared by many programs: alone it is informational. One step less for hosts that meet bad ones by design: our own
/// scanners and Tor relays; and where every source knows the indicator as an attacker that begins flows and it was only spoken to, or
/// as a server and it only began. One step more where a host called back an address that had come to it before. Then one step less where a warninglist says that much
/// that is harmless meets the indicator, too, and one more where it says that only what is infected does.
pub fn severity(of: &Circumstances<'_>) -> Severity {
    use Severity::{High, Informational, Low, Medium};
    if of.direction == Direction::Transit
        || matches!(of.indicator, IndicatorValue::Ja3(_) | IndicatorValue::Ja4(_))
    {
        return Informational;
    }
    let table = match of.direction {
        Direction::Outbound => [Low, Medium, Medium, High],
        Direction::Unknown | Direction::Lateral => [Low, Low, Medium, Medium],
        Direction::Inbound => [Informational, Informational, Low, Low],
        Direction::Transit => [Informational; 4],
    };
    let [looked_up, attempted, connected, exchanged] = table;
    let base = match of.grade {
        Grade::LookedUp => looked_up,
        Grade::Attempted => attempted,
        Grade::Connected => connected,
        Grade::Exchanged => exchanged,
    };
    let by_design = of.roles.iter().any(|role| matches!(role, Role::Scanner | Role::Tor));
    let base = if by_design { step_down(base) } else { base };
    let base = match (of.called_back, of.is_other_side) {
        (true, _) => step_up(base),
        (false, true) => step_down(base),
        (false, false) => base,
    };
    match of.warned {
        Some(Effect::Raise) => step_up(base),
        Some(Effect::Lower | Effect::Shared) => step_down(base),
        None => base,
    }
}

const fn step_up(severity: Severity) -> Severity {
    match severity {
        Severity::Informational => Severity::Low,
        Severity::Low => Severity::Medium,
        Severity::Medium | Severity::High => Severity::High,
    }
}

const fn step_down(severity: Severity) -> Severity {
    match severity {
        Severity::Informational | Severity::Low => Severity::Informational,
        Severity::Medium => Severity::Low,
        Severity::High => Severity::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Severity::{High, Informational, Low, Medium};

    const GRADES: [Grade; 4] = [Grade::LookedUp, Grade::Attempted, Grade::Connected, Grade::Exchanged];

    fn row(direction: Direction, roles: &[Role], called_back: bool) -> [Severity; 4] {
        let indicator = &IndicatorValue::Address("192.0.2.1".parse().unwrap());
        let is_other_side = false;
        GRADES.map(|grade| {
            let warned = None;
            severity(&Circumstances {
                direction,
                grade,
                indicator,
                roles,
                called_back,
                is_other_side,
                warned,
            })
        })
    }

    #[test]
    fn the_table() {
        assert_eq!(row(Direction::Outbound, &[], false), [Low, Medium, Medium, High]);
        assert_eq!(row(Direction::Unknown, &[], false), [Low, Low, Medium, Medium]);
        assert_eq!(row(Direction::Lateral, &[], false), [Low, Low, Medium, Medium]);
        assert_eq!(row(Direction::Inbound, &[], false), [Informational, Informational, Low, Low]);
        assert_eq!(row(Direction::Transit, &[], true), [Informational; 4]);
        assert_eq!(row(Direction::Outbound, &[], true), [Medium, High, High, High]);
        assert_eq!(row(Direction::Inbound, &[], true), [Low, Low, Medium, Medium]);
        assert_eq!(row(Direction::Outbound, &[Role::Scanner], false), [Informational, Low, Low, Medium]);
        assert_eq!(row(Direction::Outbound, &[Role::Tor], true), [Low, Medium, Medium, High]);
        assert_eq!(row(Direction::Outbound, &[Role::Mail], false), row(Direction::Outbound, &[], false));
    }

    #[test]
    fn a_ja4_alone_is_informational() {
        let indicator = &IndicatorValue::Ja4("t13d".into());
        for grade in GRADES {
            let of = Circumstances {
                direction: Direction::Outbound,
                grade,
                indicator,
                roles: &[],
                called_back: true,
                is_other_side: false,
                warned: Some(Effect::Raise),
            };
            assert_eq!(severity(&of), Informational);
        }
    }

    #[test]
    fn the_other_side_weighs_less_unless_the_host_called_back() {
        let indicator = &IndicatorValue::Address("192.0.2.1".parse().unwrap());
        let outbound = |called_back| {
            GRADES.map(|grade| {
                let (direction, is_other_side) = (Direction::Outbound, true);
                severity(&Circumstances {
                    direction,
                    grade,
                    indicator,
                    roles: &[],
                    called_back,
                    is_other_side,
                    warned: None,
                })
            })
        };
        assert_eq!(outbound(false), [Informational, Low, Low, Medium]);
        assert_eq!(outbound(true), [Medium, High, High, High]);
    }
    #[test]
    fn warninglists_move_it_by_one_step() {
        let indicator = &IndicatorValue::Address("192.0.2.1".parse().unwrap());
        let warned = |warned| {
            GRADES.map(|grade| {
                severity(&Circumstances {
                    direction: Direction::Outbound,
                    grade,
                    indicator,
                    roles: &[],
                    called_back: false,
                    is_other_side: false,
                    warned,
                })
            })
        };
        assert_eq!(warned(None), [Low, Medium, Medium, High]);
        assert_eq!(warned(Some(Effect::Lower)), [Informational, Low, Low, Medium]);
        assert_eq!(warned(Some(Effect::Shared)), warned(Some(Effect::Lower)));
        assert_eq!(warned(Some(Effect::Raise)), [Medium, High, High, High]);
    }
}
