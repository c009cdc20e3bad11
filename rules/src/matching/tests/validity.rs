//! Indicators that count until some time.

use super::*;
use weir_model::indicator::Further;

/// The domain and the address, by a source for each time until which it says them to count.
fn known(until: &[Option<u64>]) -> Matcher {
    let mut builder = SetBuilder::new();
    for (number, until) in until.iter().enumerate() {
        let valid_until = until.map(|second| Timestamp::new(second, 0));
        let further = Some(Arc::new(Further { valid_until, ..Further::default() }));
        let context = Context { source: format!("{number}").into(), further, ..Context::default() };
        for value in
            [IndicatorValue::Domain(name("evil.example")), IndicatorValue::Address(end("203.0.113.5:0").ip)]
        {
            builder.add(Indicator::new(value, vec![context.clone()])).unwrap();
        }
    }
    Matcher::new(Arc::new(builder.build()))
}

#[test]
fn what_no_source_says_to_count_any_more_is_not_met() {
    // Flows begin, and facts come, at second 100.
    for (until, is_met) in [
        (&[Some(101)][..], true),
        (&[Some(100)], false),
        (&[Some(50), Some(99)], false),
        (&[Some(50), Some(101)], true),
        (&[Some(50), None], true),
        (&[None], true),
    ] {
        let matcher = known(until);
        let head = head(Protocol::TCP, "203.0.113.5:443");
        assert_eq!(!began(&matcher, &head).is_empty(), is_met, "{until:?}");
        let mut questions = Questions::default();
        assert!(matcher.ask(&head, &mut questions));
        let mut met = 0;
        matcher.answer(&mut questions, |_, _| met += 1);
        assert_eq!(met == 1, is_met, "{until:?}");
        let said = observed(&matcher, [hello("www.evil.example", TlsTransport::Tcp)], "203.0.113.9:443");
        assert_eq!(!said.is_empty(), is_met, "{until:?}");
        let asked = observed(&matcher, [dns(query(1, "evil.example"))], "10.0.0.53:53");
        assert_eq!((!asked.is_empty(), asked.lookups().len() == 1), (is_met, is_met), "{until:?}");
    }
}
