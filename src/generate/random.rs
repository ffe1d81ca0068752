//! A random generator that does not depend on the versions of dependencies: a seed promises the same bytes for ever.

/// xoshiro256++ (Blackman and Vigna), seeded by splitmix64 as its authors recommend.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    /// Each pair of seed and stream gives a sequence of its own.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut mixer = mixed(seed) ^ stream;
        let state = [(); 4].map(|()| {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed(mixer)
        });
        Self { state }
    }

    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// A number below `end`; small ones are far more frequent.
    pub fn skewed_below(&mut self, end: usize) -> usize {
        let unit = self.unit();
        (unit * unit * end as f64) as usize
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// An element of a list, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// The output function of splitmix64.
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Chooses among items of unequal weight.
#[derive(Debug)]
pub(super) struct Weighted {
    /// Cumulative weights up to and including each item; the total is 1.
    ends: Vec<f64>,
}

impl Weighted {
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let mut ends: Vec<f64> = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        for end in &mut ends {
            *end /= sum;
        }
        Self { ends }
    }

    /// Zipf's law: the item of rank r has the weight 1 / r^skew.
    pub fn zipf(number: usize, skew: f64) -> Self {
        Self::new((1..=number).map(|rank| (rank as f64).powf(-skew)))
    }

    /// The item at `share` (0 to 1) of the total weight, and the fraction of it that lies before `share`. The order is
    /// kept.
    pub fn at(&self, share: f64) -> (usize, f64) {
        let thing = self.ends.partition_point(|end| *end <= share).min(self.ends.len().saturating_sub(1));
        let start = if thing == 0 { 0.0 } else { self.ends[thing - 1] };
        let width = self.ends[thing] - start;
        (thing, if width > 0.0 { ((share - start) / width).clamp(0.0, 1.0) } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_sequence_and_streams_differ() {
        let first = |seed, stream| Random::new(seed, stream).bits();
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        assert_eq!(first(1, 7), 14_513_818_139_916_946_912, "a promise about bytes");
    }

    #[test]
    fn numbers_stay_below_their_end_and_reach_all_of_it() {
        let mut random = Random::new(3, 3);
        let mut seen = [0; 10];
        for _ in 0..1000 {
            seen[random.below(10)] += 1;
            assert!(random.skewed_below(10) < 10);
            assert!((0.0..1.0).contains(&random.unit()));
        }
        assert!(seen.iter().all(|times| (50..200).contains(times)), "{seen:?}");
        assert_eq!(random.below(1), 0);
        assert_eq!(random.below(0), 0);
        assert!(!random.chance(0.0) && random.chance(1.0));
    }

    #[test]
    fn weights_are_met() {
        let three = Weighted::new([1.0, 2.0, 1.0]);
        assert_eq!(three.at(0.0), (0, 0.0));
        assert_eq!(three.at(0.5), (1, 0.5));
        assert_eq!(three.at(0.875), (2, 0.5));
        assert_eq!(three.at(1.0), (2, 1.0));
        assert_eq!(Weighted::zipf(4, 0.0).at(0.6).0, 2);
        assert_eq!(Weighted::zipf(4, 5.0).at(0.6).0, 0);
    }
}
