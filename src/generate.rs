//! Realistic input of any size, for measuring and for tests: a fictional contact centre and its calls.
//!
//! ```text
//! Settings -> Generator (people, queues, attribute keys, calendar) -> part 0, part 1, ... each a run of whole records
//! ```
//!
//! A part depends only on the settings and its number, so parts can be made in any order and on any number of threads,
//! and joined they are always the same bytes. The caller decides what is written where.
//!
//! Everything is invented: telephone numbers are from the ranges reserved for fiction (555-01xx), mail addresses use
//! example.com, network addresses are those of RFC 5737.

mod attributes;
mod broken;
mod call;
mod centre;
mod json;
mod random;
mod render;
mod settings;
mod time;

pub use settings::{Amount, BrokenKind, Fraction, Order, Profile, Settings, Shape};

use self::{
    call::{Call, id},
    centre::Centre,
    json::Object,
    random::Random,
    render::View,
    time::HOUR_MS,
};
use crate::error::Result;

/// Makes the parts of one input. Threads can share it.
///
/// ```
/// use partiquet::generate::{Amount, Generator, Profile, Settings};
///
/// # fn main() -> partiquet::Result<()> {
/// let generator = Generator::new(Settings { amount: Amount::Records(3), ..Settings::for_profile(Profile::Typical) })?;
/// let mut lines = Vec::new();
/// let part = generator.part(0, &mut lines);
/// assert_eq!((generator.num_parts(), part.records), (1, 3));
/// assert!(lines.starts_with(b"{\"id\":\"") && lines.ends_with(b"}\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Generator {
    settings: Settings,
    centre: Centre,
    num_parts: u64,
}

/// The counts of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Number of records, each a line.
    pub records: u64,
    /// Number of participants in the records that are not broken.
    pub rows: u64,
    /// Number of broken records.
    pub broken: u64,
}

impl std::ops::AddAssign for Part {
    fn add_assign(&mut self, other: Self) {
        let Self { records, rows, broken } = other;
        self.records += records;
        self.rows += rows;
        self.broken += broken;
    }
}

/// Conversations per page of a listing: the default of the API.
const PAGE_CONVERSATIONS: usize = 25;
/// Fraction of notifications that are only heartbeats.
const HEARTBEATS: f64 = 0.02;
/// Fraction of calls that arrive late in [`Order::Late`], and the maximum delay.
const LATE: f64 = 0.03;
const LATEST_MS: f64 = (72 * HOUR_MS) as f64;

impl Generator {
    /// Bytes of a part when a size is requested: enough to keep a thread busy for some milliseconds, and few enough to
    /// hold in memory.
    pub const PART_BYTES: u64 = 1 << 20;
    /// Records of a part when a number of records is requested; parts of long pages have fewer.
    pub const PART_RECORDS: u64 = 256;
    const PART_PAGES: u64 = 8;

    /// Invents the contact centre.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for settings that are not possible.
    pub fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        let centre = Centre::new(&settings);
        let num_parts = match settings.amount {
            Amount::Bytes(bytes) => bytes.div_ceil(Self::PART_BYTES),
            Amount::Records(records) => records.div_ceil(Self::part_records(settings.shape)),
        };
        Ok(Self { settings, centre, num_parts })
    }

    /// The number of parts; never 0.
    #[must_use]
    pub const fn num_parts(&self) -> u64 {
        self.num_parts
    }

    /// Appends a part to `out`, in whole lines, and returns its counts.
    pub fn part(&self, part: u64, out: &mut Vec<u8>) -> Part {
        let begun = out.len();
        let mut made = Part::default();
        let mut writer = Writer { generator: self, random: Random::new(self.settings.seed, part), made: 0 };
        let share_of = |done: f64| (part as f64 + done.min(1.0)) / self.num_parts as f64;
        // A part ends within half a record of its share, so the whole has the requested size.
        let (bytes, records) = match self.settings.amount {
            Amount::Bytes(all) => (Some(share(all, part, self.num_parts)), u64::MAX),
            Amount::Records(all) => {
                let each = Self::part_records(self.settings.shape);
                (None, (all - (part * each).min(all)).min(each))
            }
        };
        while made.records < records {
            let done = match bytes {
                Some(bytes) => (out.len() - begun) as f64 / bytes as f64,
                None => made.records as f64 / records as f64,
            };
            let before = out.len();
            let some = writer.records(share_of(done), records - made.records, out);
            if let Some(bytes) = bytes {
                let (had, has) = ((before - begun) as u64, (out.len() - begun) as u64);
                if has > bytes && had > 0 && has - bytes > bytes.saturating_sub(had) {
                    out.truncate(before);
                    break;
                }
            }
            made += some;
            if bytes.is_some_and(|bytes| (out.len() - begun) as u64 >= bytes) {
                break;
            }
        }
        made
    }

    const fn part_records(shape: Shape) -> u64 {
        match shape {
            Shape::Listing => Self::PART_PAGES,
            Shape::Conversations | Shape::Participants | Shape::Notifications => Self::PART_RECORDS,
        }
    }
}

/// The share of `all` that part number `part` gets when it is divided evenly.
fn share(all: u64, part: u64, parts: u64) -> u64 {
    all / parts + u64::from(part < all % parts)
}

/// Writes the records of one part.
struct Writer<'a> {
    generator: &'a Generator,
    random: Random,
    /// Number of pages so far.
    made: u64,
}

impl Writer<'_> {
    /// Writes the records of one call, or of one page of calls, but at most `most`. `done` (0 to 1) is the fraction of
    /// all the data that precedes them.
    fn records(&mut self, done: f64, most: u64, out: &mut Vec<u8>) -> Part {
        let centre = &self.generator.centre;
        let mut made = Part::default();
        match self.generator.settings.shape {
            Shape::Conversations => {
                let call = self.call(done);
                made +=
                    self.record(call.legs.len(), out, |_, out| render::conversation(centre, &call, View::REST, out));
            }
            Shape::Participants => {
                let call = self.call(done);
                for leg in call.legs.iter().take(usize::try_from(most).unwrap_or(usize::MAX)) {
                    made += self.record(1, out, |_, out| render::participant(centre, &call, leg, View::REST, out));
                }
            }
            Shape::Listing => {
                let calls: Vec<Call> = (0..PAGE_CONVERSATIONS).map(|_| self.call(done)).collect();
                self.made += 1;
                let page = self.made;
                let rows = calls.iter().map(|call| call.legs.len()).sum();
                made += self.record(rows, out, |_, out| listing(centre, &calls, page, out));
            }
            Shape::Notifications => {
                let call = self.call(done);
                // A call changes when a leg begins, and at last when the call ends.
                let moments = call.legs.iter().map(|leg| leg.start).skip(1).chain([call.end]);
                for now in moments.take(usize::try_from(most).unwrap_or(usize::MAX)) {
                    let view = View { now, is_notification: true };
                    let rows = call.legs.iter().filter(|leg| leg.start <= now).count();
                    let is_heartbeat = self.random.chance(HEARTBEATS);
                    made += self.record(if is_heartbeat { 0 } else { rows }, out, |random, out| {
                        if is_heartbeat {
                            out.extend_from_slice(
                                br#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#,
                            );
                        } else {
                            notification(centre, &call, view, random, out);
                        }
                    });
                }
            }
        }
        made
    }

    /// Writes one line, which is sometimes broken.
    fn record(&mut self, rows: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Random, &mut Vec<u8>)) -> Part {
        let settings = &self.generator.settings;
        let start = out.len();
        write(&mut self.random, out);
        let is_broken = self.random.chance(settings.broken.get());
        if is_broken {
            let kind = *self.random.pick(&settings.broken_kinds);
            broken::break_record(kind, start, &mut self.random, out);
        }
        out.push(b'\n');
        Part { records: 1, rows: if is_broken { 0 } else { rows as u64 }, broken: u64::from(is_broken) }
    }

    fn call(&mut self, done: f64) -> Call {
        let Generator { settings, centre, .. } = self.generator;
        let random = &mut self.random;
        let start = match settings.order {
            Order::Shuffled => centre.calendar.at(random.unit()),
            Order::Late if random.chance(LATE) => {
                (centre.calendar.at(done) - (random.unit() * LATEST_MS) as i64).max(0)
            }
            Order::Time | Order::Late => centre.calendar.at(done),
        };
        let has_drifted = settings.drift_from.is_some_and(|from| done >= from.get());
        Call::new(centre, start, has_drifted, random)
    }
}

fn listing(centre: &Centre, calls: &[Call], page: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(out, &centre.calendar);
    object.list("entities", calls, |call, out| render::conversation(centre, call, View::REST, out));
    object.number("pageSize", PAGE_CONVERSATIONS as u64);
    object.number("pageNumber", page);
    object.text("selfUri", "/api/v2/conversations/calls");
    object.end();
}

fn notification(centre: &Centre, call: &Call, view: View, random: &mut Random, out: &mut Vec<u8>) {
    let mut object = Object::begin(out, &centre.calendar);
    object.id_within("topicName", "v2.routing.queues.", centre.queues[call.queue].id, ".conversations.calls");
    object.text("version", "2");
    render::conversation(centre, call, view, object.name("eventBody"));
    let correlation = id(random);
    object.object("metadata", |object| object.id("CorrelationId", correlation));
    object.end();
}
