//! In which order the reports of a batch are put into flows: by shard, those of a shard as they came.

/// Places of reports, by shard. Kept from batch to batch for its memory.
#[derive(Debug)]
pub(super) struct Order {
    places: Vec<u32>,
    /// Where the places of each shard end; before sorting, where they begin.
    ends: Vec<u32>,
}

impl Order {
    pub(super) fn new(shards: usize) -> Self {
        Self { places: Vec::new(), ends: vec![0; shards] }
    }

    /// Counts the reports of each shard, then gives each its place: two walks, as there are few shards.
    pub(super) fn sort<T>(&mut self, reports: &[T], shard_of: impl Fn(&T) -> usize) {
        self.ends.fill(0);
        for report in reports {
            if let Some(count) = self.ends.get_mut(shard_of(report)) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += std::mem::replace(end, sum);
        }
        self.places.resize(reports.len(), 0);
        for (number, report) in (0..).zip(reports) {
            let Some(end) = self.ends.get_mut(shard_of(report)) else { continue };
            if let Some(place) = self.places.get_mut(*end as usize) {
                *place = number;
            }
            *end += 1;
        }
    }

    /// The shards that have reports, beginning with `first`, and the places of their reports.
    pub(super) fn groups(&self, first: usize) -> impl Iterator<Item = (usize, &[u32])> {
        let shards = self.ends.len().max(1);
        let group = |shard: usize| {
            let begin = shard.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end);
            let end = *self.ends.get(shard)?;
            let places = self.places.get(begin as usize..end as usize)?;
            (!places.is_empty()).then_some((shard, places))
        };
        (0..shards).map(move |turn| (turn + first) % shards).filter_map(group)
    }
}

impl Default for Order {
    fn default() -> Self {
        Self::new(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_is_in_the_group_of_its_shard_in_order() {
        let mut order = Order::new(4);
        for reports in [&[2_usize, 0, 2, 3, 0, 2][..], &[1], &[]] {
            order.sort(reports, |shard| *shard);
            for first in 0..9 {
                let groups: Vec<_> = order.groups(first).collect();
                assert_eq!(groups.iter().map(|group| group.1.len()).sum::<usize>(), reports.len());
                assert!(groups.is_sorted_by_key(|group| (group.0 + 4 - first % 4) % 4));
                for (shard, places) in groups {
                    assert!(
                        places.is_sorted() && places.iter().all(|place| reports[*place as usize] == shard)
                    );
                }
            }
        }
    }
}
