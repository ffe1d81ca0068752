//! `partiquet generate`: realistic input of any size, written by all cores.

pub mod write;

use std::{io, path::PathBuf, time::Instant};

use clap::{Args, ValueHint};
use partiquet::{
    Config, Error, Result,
    config::Size,
    generate::{Amount, BrokenKind, Fraction, Generator, Order, Profile, Settings, Shape},
};

use super::{human, print, signals};
use write::{Destination, IfExists, InputCompression};

pub const EXAMPLES: &str = "Examples:
  10 GB of conversations over three months:
    partiquet generate --size 10GB --days 90 --out conversations.ndjson
  A folder of 50 gzipped files of participants in no order:
    partiquet generate --profile shuffled --shape participants --size 1GB --files 50 --compress gz --out exports
  Broken records of two kinds, to see how they are refused:
    partiquet generate --records 1000 --broken 1% --broken-kinds escape,utf8 --out bad.ndjson
  Straight into a conversion:
    partiquet generate --size 1GB --out - | partiquet convert - --out calls";

const AMOUNT: &str = "How much, and where to";
const DATA: &str = "What makes it hard";

/// What can be said; nothing said is what the profile says.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// A file; with --files a folder; - is standard output
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = AMOUNT)]
    out: PathBuf,

    /// Approximate number of bytes of JSON [default: 100MB]
    #[arg(long, value_name = "SIZE", help_heading = AMOUNT, conflicts_with = "records")]
    size: Option<Size>,

    /// Exact number of records
    #[arg(long, value_name = "N", help_heading = AMOUNT)]
    records: Option<u64>,

    /// Compress: gz, zst [default: by the ending of the file's name]
    ///
    /// Each MiB is a member of its own, so that all cores can compress. --size is still the size of the JSON.
    #[arg(long, value_name = "HOW", help_heading = AMOUNT, hide_possible_values = true)]
    compress: Option<InputCompression>,

    /// Number of files, in the folder PATH
    #[arg(long, value_name = "N", help_heading = AMOUNT)]
    files: Option<u64>,

    /// What to do if PATH exists: error, overwrite [default: error]
    #[arg(long, value_name = "MODE", help_heading = AMOUNT, hide_possible_values = true)]
    mode: Option<IfExists>,

    /// Threads [default: one for each processor]
    ///
    /// The bytes are the same for any number of threads.
    #[arg(long, short = 'j', value_name = "N", help_heading = AMOUNT)]
    threads: Option<usize>,

    /// Seed of the random data; the same seed gives the same bytes [default: 1]
    #[arg(long, value_name = "N", help_heading = AMOUNT)]
    seed: Option<u64>,

    #[command(flatten)]
    data: DataArgs,
}

/// What the data is like, without how much of it and where to.
#[derive(Debug, Default, Clone, PartialEq, Args)]
pub struct DataArgs {
    /// Defaults for the options below: typical, wide-attributes, drifting, shuffled, dirty [default: typical]
    ///
    /// typical is an export without difficulties. wide-attributes has 5000 keys, 60 on each customer. drifting has new
    /// members and keys from half of the data on. shuffled has ninety unequal days in no order. dirty has late calls,
    /// drift, 1 % broken records, and many escapes and characters beyond ASCII.
    #[arg(long, value_name = "NAME", help_heading = DATA)]
    profile: Option<Profile>,

    /// What a record is: conversations, participants, listing, notifications [default: conversations]
    #[arg(long, value_name = "SHAPE", help_heading = DATA)]
    shape: Option<Shape>,

    /// Number of days on which calls begin [default: 30]
    #[arg(long, value_name = "N", help_heading = DATA)]
    days: Option<u32>,

    /// Order of the calls: time, shuffled, late [default: time]
    ///
    /// late is time order, but three calls in a hundred are up to three days late.
    #[arg(long, value_name = "ORDER", help_heading = DATA)]
    order: Option<Order>,

    /// How unequal the days are, 0 to 5 [default: 0]
    ///
    /// 1 is Zipf's law: the second busiest day has half of the calls of the busiest one.
    #[arg(long, value_name = "NUMBER", help_heading = DATA)]
    day_skew: Option<f64>,

    /// Distinct attribute keys [default: 440]
    #[arg(long, value_name = "N", help_heading = DATA)]
    attribute_keys: Option<usize>,

    /// Attributes of a customer on average [default: 15]
    #[arg(long, value_name = "N", help_heading = DATA)]
    attributes_per_participant: Option<usize>,

    /// How unequally keys are used, 0 to 5 [default: 1]
    #[arg(long, value_name = "NUMBER", help_heading = DATA)]
    attribute_skew: Option<f64>,

    /// Distinct users (agents) [default: 300]
    #[arg(long, value_name = "N", help_heading = DATA)]
    users: Option<usize>,

    /// Distinct queues [default: 20]
    #[arg(long, value_name = "N", help_heading = DATA)]
    queues: Option<usize>,

    /// Where in the data new members and keys begin to appear, such as 50% [default: nowhere]
    #[arg(long, value_name = "P%", help_heading = DATA)]
    drift: Option<Fraction>,

    /// Fraction of records that are broken [default: 0%]
    #[arg(long, value_name = "P%", help_heading = DATA)]
    broken: Option<Fraction>,

    /// How they are broken: truncated, duplicate, escape, number, surrogate, utf8, deep, comma [default: all]
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', help_heading = DATA)]
    broken_kinds: Option<Vec<BrokenKind>>,

    /// Fraction of names and free texts with characters beyond ASCII [default: 5%]
    #[arg(long, value_name = "P%", help_heading = DATA)]
    unicode: Option<Fraction>,

    /// Fraction of free texts with escapes [default: 5%]
    #[arg(long, value_name = "P%", help_heading = DATA)]
    escapes: Option<Fraction>,
}

impl DataArgs {
    /// The profile's settings with what was said put over them.
    pub fn settings(&self) -> Settings {
        // Destructured in full: an option that is added cannot be forgotten here.
        let Self {
            profile,
            shape,
            days,
            order,
            day_skew,
            attribute_keys,
            attributes_per_participant,
            attribute_skew,
            users,
            queues,
            drift,
            broken,
            broken_kinds,
            unicode,
            escapes,
        } = self.clone();
        let of_profile = Settings::for_profile(profile.unwrap_or_default());
        Settings {
            seed: of_profile.seed,
            amount: of_profile.amount,
            shape: shape.unwrap_or(of_profile.shape),
            days: days.unwrap_or(of_profile.days),
            order: order.unwrap_or(of_profile.order),
            day_skew: day_skew.unwrap_or(of_profile.day_skew),
            attribute_keys: attribute_keys.unwrap_or(of_profile.attribute_keys),
            attributes_per_participant: attributes_per_participant.unwrap_or(of_profile.attributes_per_participant),
            attribute_skew: attribute_skew.unwrap_or(of_profile.attribute_skew),
            users: users.unwrap_or(of_profile.users),
            queues: queues.unwrap_or(of_profile.queues),
            drift_from: drift.or(of_profile.drift_from),
            broken: broken.unwrap_or(of_profile.broken),
            broken_kinds: broken_kinds.unwrap_or(of_profile.broken_kinds),
            unicode: unicode.unwrap_or(of_profile.unicode),
            escapes: escapes.unwrap_or(of_profile.escapes),
        }
    }
}

/// Generates, and says what came of it on standard error.
pub fn run(args: &GenerateArgs, processors: usize) -> Result<()> {
    let mut settings = args.data.settings();
    settings.seed = args.seed.unwrap_or(settings.seed);
    settings.amount = match (args.records, args.size) {
        (Some(records), _) => Amount::Records(records),
        (None, Some(Size(bytes))) => Amount::Bytes(bytes),
        (None, None) => settings.amount,
    };
    let threads = args.threads.unwrap_or(processors);
    if !(1..=Config::MAX_THREADS).contains(&threads) {
        let hint = format!("use a number from 1 to {}", Config::MAX_THREADS);
        return Err(Error::usage(format!("--threads: {threads} is not possible"), hint));
    }
    let generator = Generator::new(settings)?;
    let by_name = || args.files.is_none().then(|| InputCompression::by_ending(&args.out)).flatten();
    let compression = args.compress.or_else(by_name);
    let destination =
        Destination { path: &args.out, files: args.files, if_exists: args.mode.unwrap_or_default(), compression };
    let begun = Instant::now();
    let written = write::write(&generator, &destination, threads, &*signals::stop_flag()?)?;
    let (made, elapsed) = (written.made, begun.elapsed());
    let broken =
        if made.broken > 0 { format!(", {} of them broken", human::count(made.broken)) } else { String::new() };
    let stored = match compression {
        Some(_) => format!(", {} stored", human::bytes(written.bytes_stored)),
        None => String::new(),
    };
    let rate = human::rate(written.bytes, elapsed).map(|rate| format!(" ({rate})")).unwrap_or_default();
    let text = format!(
        "Generated {}{broken}, {}, {}{stored}, in {}{rate}\n",
        human::counted(made.records, "record", "records"),
        human::counted(made.rows, "row", "rows"),
        human::bytes(written.bytes),
        human::duration(elapsed),
    );
    print(&mut io::stderr().lock(), text.as_bytes())
}
