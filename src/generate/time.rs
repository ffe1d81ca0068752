//! Decides when calls begin, and writes instants in wire format.

use chrono::{Days, NaiveDate};

use super::{
    random::{Random, Weighted},
    settings::Settings,
};

pub(super) const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Days after the last requested one that an instant may fall on: a call may last past midnight, and its wrap-up comes
/// after it.
const DAYS_BEYOND: u32 = 2;

/// Calls per hour of a day, in thousandths: the centre is open at night too, with peaks before and after noon.
const HOURS: [u32; 24] = [8, 5, 4, 4, 6, 10, 22, 48, 74, 88, 92, 84, 66, 70, 80, 84, 76, 60, 42, 30, 20, 14, 8, 5];

/// The days of the data, as weights and as texts. Instants are milliseconds since the first midnight.
#[derive(Debug)]
pub(super) struct Calendar {
    hours: Weighted,
    days: Vec<[u8; 11]>,
}

impl Calendar {
    pub fn new(days: u32, skew: f64, random: &mut Random) -> Self {
        // Any day can be the busiest.
        let mut ranks: Vec<u32> = (1..=days).collect();
        for end in (1..ranks.len()).rev() {
            ranks.swap(end, random.below(end + 1));
        }
        let weights = ranks.iter().flat_map(|rank| {
            let day = f64::from(*rank).powf(-skew);
            HOURS.iter().map(move |hour| day * f64::from(*hour))
        });
        let (year, month, day) = Settings::FIRST_DAY;
        let texts = NaiveDate::from_ymd_opt(year, month, day).into_iter().flat_map(|first| {
            (0..days + DAYS_BEYOND).filter_map(move |day| first.checked_add_days(Days::new(u64::from(day)))).map(
                |day| {
                    let mut text = [b'T'; 11];
                    text[..10].copy_from_slice(day.to_string().as_bytes());
                    text
                },
            )
        });
        Self { hours: Weighted::new(weights), days: texts.collect() }
    }

    /// The instant before which `share` of all calls have begun.
    pub fn at(&self, share: f64) -> i64 {
        let (hour, into) = self.hours.at(share);
        // The last calls begin an hour before the end, so that none ends after the days that have a text.
        (hour as i64 * HOUR_MS + (into * HOUR_MS as f64) as i64).min(self.last() - HOUR_MS)
    }

    fn last(&self) -> i64 {
        (self.days.len() as i64 - i64::from(DAYS_BEYOND)) * DAY_MS
    }

    /// `2025-07-01T08:00:00.000Z`, without quotes.
    pub fn write(&self, ms: i64, out: &mut Vec<u8>) {
        let ms = ms.max(0);
        let day = ((ms / DAY_MS) as usize).min(self.days.len().saturating_sub(1));
        let in_day = (ms % DAY_MS) as usize;
        let (second, milli) = (in_day / 1000, in_day % 1000);
        let pair = |number: usize| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        let [h1, h2] = pair(second / 3600);
        let [m1, m2] = pair(second / 60 % 60);
        let [s1, s2] = pair(second % 60);
        let [t1, t2] = pair(milli / 10);
        out.extend_from_slice(&self.days[day]);
        out.extend_from_slice(&[h1, h2, b':', m1, m2, b':', s1, s2, b'.', t1, t2, b'0' + (milli % 10) as u8, b'Z']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(calendar: &Calendar, ms: i64) -> String {
        let mut out = Vec::new();
        calendar.write(ms, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_written_as_the_wire_has_them() {
        let calendar = Calendar::new(30, 0.0, &mut Random::new(1, 1));
        assert_eq!(text(&calendar, 0), "2025-07-01T00:00:00.000Z");
        assert_eq!(text(&calendar, 29 * DAY_MS + 23 * HOUR_MS + 59 * 60_000 + 59_987), "2025-07-30T23:59:59.987Z");
        assert_eq!(text(&calendar, 31 * DAY_MS), "2025-08-01T00:00:00.000Z");
    }

    #[test]
    fn time_runs_forwards_and_stays_within_its_days() {
        let calendar = Calendar::new(3, 1.0, &mut Random::new(1, 1));
        let times: Vec<i64> = (0..=1000).map(|n| calendar.at(f64::from(n) / 1000.0)).collect();
        assert!(times.is_sorted());
        assert_eq!((times[0], times[1000]), (0, 3 * DAY_MS - HOUR_MS));
    }

    #[test]
    fn skew_makes_days_unequal() {
        let calls = |skew| {
            let calendar = Calendar::new(10, skew, &mut Random::new(1, 1));
            let mut days = [0; 10];
            (0..10_000).for_each(|n| days[(calendar.at(f64::from(n) / 10_000.0) / DAY_MS) as usize] += 1);
            days.sort_unstable();
            (days[0], days[9])
        };
        let (least, most) = calls(0.0);
        assert!(most < least * 11 / 10, "{least} {most}");
        let (least, most) = calls(1.0);
        assert!(most > least * 8, "{least} {most}");
    }
}
