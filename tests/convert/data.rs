//! Records to convert: a few by hand, and any number from a generator that is deterministic.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::GzEncoder};

/// A conversation with one participant.
pub fn conversation(id: &str, start_time: &str) -> String {
    format!(r#"{{"id":"{id}","participants":[{{"id":"{id}-p","purpose":"agent","startTime":"{start_time}"}}]}}"#)
}

/// Lines of conversations `c0`, `c1`, ..., with one participant each, all on one day.
pub fn conversations(number: usize) -> String {
    (0..number).map(|n| conversation(&format!("c{n}"), "2025-07-01T10:00:00Z") + "\n").collect()
}

/// Pseudo-random numbers that are always the same (xorshift).
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Calls as in an export: conversations of 1 to 6 participants and bare participants, over 7 days in random order, with
/// attributes, nested objects, lists, nulls, coercions and members that the model does not know.
pub fn export(number: usize, seed: u64) -> Vec<String> {
    let mut chance = Chance::new(seed);
    (0..number).map(|n| record(n, &mut chance)).collect()
}

/// The records, one per line.
pub fn lines(records: &[String]) -> String {
    records.iter().fold(String::new(), |text, record| text + record + "\n")
}

fn record(n: usize, chance: &mut Chance) -> String {
    if chance.below(10) == 0 {
        return participant(&format!("{n}-bare"), chance);
    }
    let participants: Vec<String> = (0..=chance.below(6)).map(|p| participant(&format!("{n}-{p}"), chance)).collect();
    let participants = participants.join(",");
    // The id comes before or after the participants.
    match chance.below(2) {
        0 => format!(r#"{{"id":"c{n}","participants":[{participants}]}}"#),
        _ => format!(r#"{{"participants":[{participants}],"divisionName":"d{n}","id":"c{n}"}}"#),
    }
}

fn participant(id: &str, chance: &mut Chance) -> String {
    let mut text = format!(r#"{{"id":"{id}""#);
    let (day, hour, minute) = (chance.below(7) + 1, chance.below(24), chance.below(60));
    if chance.below(50) > 0 {
        let millis = chance.below(1000);
        let _ = write!(text, r#","startTime":"2025-07-{day:02}T{hour:02}:{minute:02}:00.{millis:03}Z""#);
    }
    let purpose = chance.one_of(&["agent", "acd", "customer", "ivr", "Rückruf Team"]);
    let _ = write!(text, r#","purpose":"{purpose}","state":null,"held":{}"#, chance.below(2) == 0);
    if chance.below(2) == 0 {
        let queue = chance.below(40);
        let _ = write!(text, r#","queue":{{"id":"q{queue}","name":"Queue {queue} 😀","selfUri":"/q/{queue}"}}"#);
    }
    if chance.below(3) == 0 {
        let _ =
            write!(text, r#","wrapup":{{"code":"w{}","durationSeconds":"{}"}}"#, chance.below(9), chance.below(900));
    }
    if chance.below(4) > 0 {
        let keys = ["IVR Priority", "Language", "Whisper ", "context.email", "Queue_Deflection_Status", "rare"];
        text.push_str(r#","attributes":{"#);
        for (at, key) in keys.iter().take(chance.below(7) as usize).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(text, r#"{comma}"{key}":"value {}""#, chance.below(1_000_000));
        }
        text.push('}');
    }
    if chance.below(20) == 0 {
        let _ = write!(text, r#","sentimentScore":{},"mediaRoles":["full",null]"#, chance.below(100));
    }
    text.push('}');
    text
}

/// A gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}
