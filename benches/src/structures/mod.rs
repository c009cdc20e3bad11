//! One bench per hot structure.
//!
//! Inputs are lists of look-ups and frames made beforehand; those of a look-up are independent and random over the whole set,
//! so that at [`Scale::Full`](crate::harness::Scale) the cost of memory is in them.

mod export;
mod exported;
mod indicators;
mod lines;
mod packets;
mod queue;

use crate::harness::{Bench, Run};

/// All benches.
pub const ALL: &[Bench] = &[
    Bench { name: "decode/spread", prepare: packets::decode_spread },
    Bench { name: "decode/campus", prepare: packets::decode_campus },
    Bench { name: "decode/peek", prepare: packets::decode_peek },
    Bench { name: "table/100k-flows", prepare: packets::table_100k },
    Bench { name: "table/1M-flows", prepare: packets::table_1m },
    Bench { name: "table/begin-and-evict", prepare: packets::table_flood },
    Bench { name: "timer/looked-at", prepare: packets::timer },
    Bench { name: "names/tls", prepare: packets::names_tls },
    Bench { name: "names/dns", prepare: packets::names_dns },
    Bench { name: "names/quic", prepare: packets::names_quic },
    Bench { name: "pipeline/campus", prepare: packets::pipeline_campus },
    Bench { name: "address/miss", prepare: indicators::address_miss },
    Bench { name: "address/hit", prepare: indicators::address_hit },
    Bench { name: "domain/miss", prepare: indicators::domain_miss },
    Bench { name: "domain/miss-among-siblings", prepare: indicators::domain_miss_siblings },
    Bench { name: "domain/hit", prepare: indicators::domain_hit },
    Bench { name: "lines/flow", prepare: lines::flows },
    Bench { name: "lines/name", prepare: lines::names },
    Bench { name: "queue/batch", prepare: queue::batches },
    Bench { name: "export/v5/ours", prepare: export::v5 },
    Bench { name: "export/v9/ours", prepare: export::v9 },
    Bench { name: "export/ipfix/ours", prepare: export::ipfix },
    Bench { name: "export/ipfix/10-templates", prepare: export::templates_10 },
    Bench { name: "export/ipfix/100-templates", prepare: export::templates_100 },
    Bench { name: "export/ipfix/1000-templates", prepare: export::templates_1000 },
    Bench { name: "export/ipfix/10-exporters", prepare: export::exporters_10 },
    Bench { name: "export/ipfix/100-exporters", prepare: export::exporters_100 },
    Bench { name: "export/ipfix/1000-exporters", prepare: export::exporters_1000 },
    Bench { name: "export/forged-sources", prepare: export::forged_sources },
    Bench { name: "export/v9/and-match", prepare: export::v9_matched },
    Bench { name: "export/ipfix/and-match", prepare: export::ipfix_matched },
    Bench { name: "export/flows/100k-known", prepare: exported::known_100k },
    Bench { name: "export/flows/1M-known", prepare: exported::known_1m },
    Bench { name: "export/flows/1M-known/2-threads", prepare: exported::known_1m_two_threads },
    Bench { name: "export/flows/10M-known", prepare: exported::known_10m },
    Bench { name: "export/flows/flood", prepare: exported::flood },
    Bench { name: "export/whole/v9/known", prepare: exported::v9_known },
    Bench { name: "export/whole/v9/new", prepare: exported::v9_new },
    Bench { name: "export/whole/ipfix/known", prepare: exported::ipfix_known },
    Bench { name: "export/whole/ipfix/new", prepare: exported::ipfix_new },
    Bench { name: "export/whole/ipfix/10-each", prepare: exported::ipfix_10_templates_and_exporters },
    Bench { name: "export/whole/ipfix/100-each", prepare: exported::ipfix_100_templates_and_exporters },
    Bench { name: "export/whole/ipfix/1000-templates", prepare: exported::ipfix_1000_templates },
    Bench { name: "export/whole/ipfix/1000-exporters", prepare: exported::ipfix_1000_exporters },
    Bench { name: "export/v5/netflow_parser", prepare: export::v5_crate },
    Bench { name: "export/v9/netflow_parser", prepare: export::v9_crate },
    Bench { name: "export/ipfix/netflow_parser", prepare: export::ipfix_crate },
];

/// Does something with every item.
fn run<T: 'static>(items: Vec<T>, mut work: impl FnMut(&T) -> u64 + 'static) -> Run {
    Run {
        items: items.len() as u64,
        work: Box::new(move || items.iter().fold(0, |sum: u64, item| sum.wrapping_add(work(item)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Scale;
    use std::collections::HashSet;

    #[test]
    fn names_are_different_and_every_bench_has_items() {
        let names: HashSet<_> = ALL.iter().map(|bench| bench.name).collect();
        assert_eq!(names.len(), ALL.len());
        for bench in ALL.iter().filter(|bench| !bench.name.starts_with("table/")) {
            assert!(crate::harness::once(bench) > 0, "{}", bench.name);
        }
    }

    #[test]
    fn look_ups_hit_all_or_nothing() {
        let all = |prepare: fn(Scale) -> Run| {
            let mut run = prepare(Scale::Small);
            (run.items, (run.work)())
        };
        for hit in [indicators::address_hit, indicators::domain_hit] {
            let (items, found) = all(hit);
            assert_eq!(found, items);
        }
        for miss in [indicators::address_miss, indicators::domain_miss, indicators::domain_miss_siblings] {
            assert_eq!(all(miss).1, 0);
        }
    }

    #[test]
    fn all_flows_end_when_their_time_has_come() {
        assert_eq!((packets::timer(Scale::Small).work)(), 10_000);
    }

    #[test]
    fn names_are_found_where_they_are_looked_for() {
        for names in [packets::names_tls, packets::names_dns, packets::names_quic] {
            let mut run = names(Scale::Small);
            assert!((run.work)() > 0);
        }
    }
}
