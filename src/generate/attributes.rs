//! Attributes in the style of flow authors: keys of all styles, each with its own kind of text, and flows that each set
//! their own selection of keys.

use super::{
    centre::{AREAS, FIRST_NAMES},
    json::write_number,
    random::{Random, Weighted},
    settings::{Fraction, Settings},
};

/// The most frequent keys, as seen in public material: with trailing blanks, with dots, and with pairs that give the
/// same column name.
const HOT_KEYS: [&str; 40] = [
    "IVR Priority",
    "Queue Name",
    "Language",
    "Customer Segment",
    "Main Intent",
    "MainIntent1",
    "Account Number",
    "context.email",
    "context.firstName",
    "ivr.Skills",
    "ACD End",
    "Whisper ",
    "CallType ",
    "DNIS",
    "custCLI",
    "Schedule Group",
    "ScheduleGroup",
    "Authenticated",
    "ic-PID",
    "CrmData",
    "LastUtterance1",
    "Final Main Intent",
    "Queue Deflection Status",
    "Queue_Deflection_Status",
    "scriptId",
    "Region",
    "Campaign",
    "Survey Offered",
    "Callback Offered",
    "Estimated Wait",
    "Position In Queue",
    "Flow Name",
    "Flow Version",
    "Menu Path",
    "Order Id",
    "Contract",
    "Product",
    "Tariff",
    "Consent",
    "Balance",
];
/// Keys that appear when the data drifts.
const NEW_KEYS: [&str; 6] =
    ["AI Summary", "ai.confidence", "Bot Session Id", "IVR_Priority", "Consent v2", "Sentiment Label"];

const FLOWS: usize = 24;
/// The first keys are set by every flow.
const KEYS_OF_ALL_FLOWS: usize = 6;
/// Number of attempts to draw a key that a flow does not have yet, before it takes any free one.
const TRIES: usize = 20;
/// Number of different texts of a kind that has many.
const MANY: usize = 5000;

/// The source of the texts of a key.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A pool of texts.
    Pool(usize),
    /// Eleven digits, hardly ever the same.
    Number,
    /// Words of a person: these contain escapes and non-ASCII characters.
    Words,
}

#[derive(Debug)]
struct Key {
    /// `"key":`
    json: Vec<u8>,
    kind: Kind,
}

#[derive(Debug)]
pub(super) struct Attributes {
    keys: Vec<Key>,
    new_keys: Vec<Key>,
    weights: Weighted,
    /// The keys of each flow, sorted.
    flows: Vec<Vec<usize>>,
    /// Maximum number of keys besides those of the flow.
    extra_keys: usize,
    /// Texts in quotes, by pool.
    pools: Vec<Vec<String>>,
    plain: Vec<String>,
    unicode: (Fraction, Vec<String>),
    escaped: (Fraction, Vec<String>),
}

impl Attributes {
    pub fn new(settings: &Settings, random: &mut Random) -> Self {
        let pools = pools(random);
        let mut keys: Vec<Key> = Vec::with_capacity(settings.attribute_keys);
        for index in 0..settings.attribute_keys {
            let key =
                HOT_KEYS.get(index).map_or_else(|| tail_key(index, settings.unicode, random), |key| (*key).to_owned());
            keys.push(Key { json: format!("\"{key}\":").into_bytes(), kind: kind(&pools, random) });
        }
        let new_keys = NEW_KEYS.iter().map(|key| Key { json: format!("\"{key}\":").into_bytes(), kind: Kind::Words });
        // A flow sets most of a customer's keys; the others come from elsewhere, between none and twice their average.
        let extra = settings.attributes_per_participant / 5;
        let of_flow = settings.attributes_per_participant - extra;
        let weights = Weighted::zipf(keys.len(), settings.attribute_skew);
        let flows = (0..FLOWS).map(|_| flow(of_flow, &weights, keys.len(), random)).collect();
        Self {
            new_keys: new_keys.collect(),
            weights,
            flows,
            extra_keys: extra * 2,
            plain: words(
                &["The customer asks about order %", "Call back after %", "Paid twice in %", "Wants to talk to %"],
                random,
            ),
            unicode: (
                settings.unicode,
                words(&["Möchte % zurück", "Kündigung zum %", "ödeme % ₺", "返品 % 号", "👍 %"], random),
            ),
            escaped: (
                settings.escapes,
                words(
                    &[
                        r#"He said: \"%\", thanks"#,
                        r"C:\\exports\\%.csv",
                        r"line %\nline two\ttab",
                        r"caf\u00e9 % \ud83d\ude00",
                        r"a\/b %",
                    ],
                    random,
                ),
            ),
            keys,
            pools,
        }
    }

    /// Writes the attributes of a customer as a JSON object.
    pub fn write(&self, random: &mut Random, has_drifted: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        let begun = out.len();
        let flow = &self.flows[random.skewed_below(self.flows.len())];
        for key in flow {
            self.entry(&self.keys[*key], random, out);
        }
        let mut others: Vec<usize> = Vec::with_capacity(self.extra_keys);
        for _ in 0..random.below(self.extra_keys + 1) {
            let key = self.weights.at(random.unit()).0;
            // No key is repeated within a map, since that would be a broken record.
            if flow.binary_search(&key).is_err() && !others.contains(&key) {
                others.push(key);
                self.entry(&self.keys[key], random, out);
            }
        }
        if has_drifted {
            let first = random.below(self.new_keys.len());
            for key in self.new_keys[first..].iter().take(3) {
                self.entry(key, random, out);
            }
        }
        if out.len() > begun {
            out.pop();
        }
        out.push(b'}');
    }

    /// Writes the entry and a comma.
    fn entry(&self, key: &Key, random: &mut Random, out: &mut Vec<u8>) {
        out.extend_from_slice(&key.json);
        match key.kind {
            Kind::Pool(pool) => out.extend_from_slice(random.pick(&self.pools[pool]).as_bytes()),
            Kind::Number => {
                out.push(b'"');
                write_number(10_000_000_000 + random.bits() % 90_000_000_000, out);
                out.push(b'"');
            }
            Kind::Words => {
                let roll = random.unit();
                let (escapes, unicode) = (self.escaped.0.get(), self.unicode.0.get());
                let texts = if roll < escapes {
                    &self.escaped.1
                } else if roll < escapes + unicode {
                    &self.unicode.1
                } else {
                    &self.plain
                };
                out.extend_from_slice(random.pick(texts).as_bytes());
            }
        }
        out.push(b',');
    }
}

/// `number` keys, in the order of their frequency.
fn flow(number: usize, weights: &Weighted, keys: usize, random: &mut Random) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..number.min(KEYS_OF_ALL_FLOWS)).collect();
    let mut has = vec![false; keys];
    has[..chosen.len()].fill(true);
    while chosen.len() < number {
        let tried = (0..TRIES).map(|_| weights.at(random.unit()).0).find(|key| !has[*key]);
        let Some(key) = tried.or_else(|| has.iter().position(|has| !has)) else { break };
        has[key] = true;
        chosen.push(key);
    }
    chosen.sort_unstable();
    chosen
}

/// A key of the long tail; its number makes it unique.
fn tail_key(index: usize, unicode: Fraction, random: &mut Random) -> String {
    let word = random.pick(&FIRST_NAMES);
    if random.chance(unicode.get()) {
        return format!("Schlüssel {index} für {word}");
    }
    match random.below(5) {
        0 => format!("context.{}{index}", word.to_lowercase()),
        1 => format!("{word} Step {index}"),
        2 => format!("flow_{}_{index}", word.to_lowercase()),
        3 => format!("{word}Result{index}"),
        _ => format!("x-{index}-{word} "),
    }
}

fn kind(pools: &[Vec<String>], random: &mut Random) -> Kind {
    match random.below(10) {
        0 => Kind::Number,
        1 | 2 => Kind::Words,
        _ => Kind::Pool(random.below(pools.len())),
    }
}

/// Texts in quotes, with a number in place of the percent sign.
fn words(patterns: &[&str], random: &mut Random) -> Vec<String> {
    (0..MANY)
        .map(|_| format!("\"{}\"", random.pick(patterns).replace('%', &random.below(100_000).to_string())))
        .collect()
}

/// Pools of few texts, included twice because most keys have few, and pools of many texts.
fn pools(random: &mut Random) -> Vec<Vec<String>> {
    let few: [&[&str]; 9] = [
        &["true", "false"],
        &["True", "False"],
        &["de-DE", "en-US", "es-ES", "tr-TR"],
        &["gold", "silver", "bronze"],
        &["billing", "sales", "support", "cancel"],
        &["", "1", "2", "3"],
        &["INBOUND", "OUTBOUND"],
        &["number:1090.56", "checkbox:true"],
        &["Open", "Closed", "Holiday", "Emergency"],
    ];
    let few = few.map(|texts| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>());
    let mut many = |text: &dyn Fn(&mut Random) -> String| (0..MANY).map(|_| text(random)).collect::<Vec<_>>();
    let mail = many(&|random| {
        format!("\"{}.{}@example.com\"", random.pick(&FIRST_NAMES).to_lowercase(), random.below(10_000))
    });
    let sip = many(&|random| {
        let (area, line, host) = (random.pick(&AREAS), random.below(100), random.below(255));
        format!("\"sip:+1{area}55501{line:02}@192.0.2.{host}\"")
    });
    let crm = many(&|random| {
        format!(r#""{{\"crm\":{{\"case\":{},\"open\":true,\"tags\":[\"a\",\"b\"]}}}}""#, random.below(100_000_000))
    });
    let mut pools = few.to_vec();
    pools.extend(few);
    pools.extend([mail, sip, crm]);
    pools
}
