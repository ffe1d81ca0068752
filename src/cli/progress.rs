//! Shows the progress of a run, passes on Ctrl-C, and watches the memory of the process.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use partiquet::observe::{Observer, Progress, Stage};
use serde_json::json;

use super::{allocator::MemoryMonitor, args::ProgressMode, human};

/// Minimum time between two redraws of the bar: as often as the eye can follow.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// Minimum time between two plain lines: often enough to see that the run is alive, rarely enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Minimum time between two JSON events.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// An [`Observer`] that writes to standard error.
pub struct Console {
    display: Display,
    stop: Arc<AtomicBool>,
    started: Instant,
    memory: MemoryMonitor,
    last: Mutex<Last>,
    /// What was done about an earlier run.
    recovered: OnceLock<String>,
}

enum Display {
    Bar(ProgressBar),
    Lines,
    Events,
    Nothing,
}

/// What was last shown.
struct Last {
    at: Instant,
    stage: Option<Stage>,
    /// When the conversion itself started, and its progress at that time: rates exclude the sampling.
    converting: Option<(Instant, Progress)>,
}

impl Console {
    /// Shows progress in the requested way; `auto` is a bar on a terminal and lines elsewhere. `memory` is the memory
    /// limit of the process, in bytes.
    pub fn new(mode: ProgressMode, memory: u64, stop: Arc<AtomicBool>) -> Self {
        let display = match mode {
            ProgressMode::Auto if io::stderr().is_terminal() => Display::Bar(bar()),
            ProgressMode::Auto | ProgressMode::Plain => Display::Lines,
            ProgressMode::Json => Display::Events,
            ProgressMode::None => Display::Nothing,
        };
        let started = Instant::now();
        Self {
            display,
            stop,
            started,
            memory: MemoryMonitor::new(memory),
            last: Mutex::new(Last { at: started, stage: None, converting: None }),
            recovered: OnceLock::new(),
        }
    }

    /// What the run did first about one that had not come to its end.
    pub fn recovered(&self) -> Option<&str> {
        self.recovered.get().map(String::as_str)
    }

    /// Wall time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the display: the bar is cleared, or the last event says how the run ended.
    pub fn finish(&self, exit_code: u8, error: Option<&str>) {
        match &self.display {
            Display::Bar(bar) => bar.finish_and_clear(),
            Display::Events => line(&json!({
                "event": if error.is_none() { "finished" } else { "failed" },
                "exit_code": exit_code,
                "error": error,
                "recovered": self.recovered(),
                "elapsed_seconds": self.elapsed().as_secs_f64(),
            })),
            Display::Lines | Display::Nothing => {}
        }
    }

    fn interval(&self) -> Duration {
        match self.display {
            Display::Bar(_) => BAR_INTERVAL,
            Display::Lines => LINE_INTERVAL,
            Display::Events => EVENT_INTERVAL,
            Display::Nothing => Duration::MAX,
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style("{bar:24} {percent:>3} %  {wide_msg}"));
    bar
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").tick_chars("|/-\\ ")
}

/// Writes one line to standard error. A closed standard error does not fail the run.
fn line(text: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

impl Observer for Console {
    fn clock(&self) -> Duration {
        self.elapsed()
    }

    fn recovered(&self, what: &str) {
        let _ = self.recovered.set(what.to_owned());
    }

    fn progress(&self, progress: &Progress) {
        self.memory.look();
        if matches!(self.display, Display::Nothing) {
            return;
        }
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.converting.is_none() && progress.stage == Stage::Converting {
            last.converting = Some((now, *progress));
        }
        let new_stage = last.stage != Some(progress.stage);
        let due = now.duration_since(last.at) >= self.interval();
        // Plain lines keep to their interval even for a new stage: most runs end before the first line is due.
        if !(due || new_stage && !matches!(self.display, Display::Lines)) {
            last.stage = Some(progress.stage);
            return;
        }
        (last.at, last.stage) = (now, Some(progress.stage));
        let speed = last.converting.map(|(since, first)| Speed::new(&first, progress, now.duration_since(since)));
        match &self.display {
            Display::Bar(bar) => {
                match progress.input_bytes_total {
                    Some(total) => bar.set_length(total),
                    // Without a known total there is no bar to fill.
                    None if new_stage => bar.set_style(style("{spinner} {msg}")),
                    None => {}
                }
                bar.set_position(progress.input_bytes);
                bar.set_message(sentence(progress, speed));
            }
            Display::Lines => line(&sentence(progress, speed)),
            Display::Events => line(&event(progress, speed, self.elapsed())),
            Display::Nothing => {}
        }
    }

    fn before_large_allocation(&self) {
        self.memory.release_free_memory();
    }

    fn stop_requested(&self) -> bool {
        self.memory.look();
        self.stop.load(Ordering::Relaxed)
    }
}

/// Speed of the conversion, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed {
    /// Bytes of JSON per second; `None` in the first millisecond.
    json_bytes_per_second: Option<u64>,
    /// Time left; `None` if the size of the inputs is unknown.
    left: Option<Duration>,
}

impl Speed {
    fn new(first: &Progress, now: &Progress, elapsed: Duration) -> Self {
        let millis = elapsed.as_millis();
        let json_bytes = now.json_bytes.saturating_sub(first.json_bytes);
        let per_second = (u128::from(json_bytes) * 1000).checked_div(millis).and_then(|n| u64::try_from(n).ok());
        let done = now.input_bytes.saturating_sub(first.input_bytes);
        let left = now.input_bytes_total.and_then(|total| {
            let todo = u128::from(total.saturating_sub(now.input_bytes));
            let millis = (todo * millis).checked_div(u128::from(done))?;
            Some(Duration::from_millis(u64::try_from(millis).ok()?))
        });
        Self { json_bytes_per_second: per_second, left }
    }
}

/// `1.2 GB of 3.4 GB, 456,789 rows, 283 MB/s, 0 rejected, 31 partitions, 120 MB buffered, 12 s left`.
fn sentence(progress: &Progress, speed: Option<Speed>) -> String {
    let mut parts = Vec::with_capacity(8);
    match progress.stage {
        Stage::Sampling => return "looking at a sample".to_owned(),
        Stage::Converting => {}
        Stage::Finishing => parts.push("writing the last rows".to_owned()),
        Stage::Committing => parts.push("publishing the files".to_owned()),
    }
    parts.push(match progress.input_bytes_total {
        Some(total) => format!("{} of {}", human::bytes(progress.input_bytes), human::bytes(total)),
        None => human::bytes(progress.input_bytes),
    });
    parts.push(human::counted(progress.rows, "row", "rows"));
    let converting = progress.stage == Stage::Converting;
    if let Some(per_second) = speed.and_then(|speed| speed.json_bytes_per_second).filter(|_| converting) {
        parts.push(format!("{}/s", human::bytes(per_second)));
    }
    parts.push(format!("{} rejected", human::count(progress.rejected)));
    parts.push(human::counted(progress.partitions, "partition", "partitions"));
    parts.push(format!("{} buffered", human::bytes(progress.buffered_bytes)));
    if let Some(left) = speed.and_then(|speed| speed.left).filter(|_| converting) {
        parts.push(format!("{} left", human::duration(left)));
    }
    parts.join(", ")
}

fn event(progress: &Progress, speed: Option<Speed>, elapsed: Duration) -> serde_json::Value {
    // Destructured in full: a new number cannot be forgotten here.
    let Progress {
        stage,
        input_bytes_total,
        input_bytes,
        json_bytes,
        records,
        rows,
        rejected,
        partitions,
        buffered_bytes,
    } = progress;
    let stage = match stage {
        Stage::Sampling => "sampling",
        Stage::Converting => "converting",
        Stage::Finishing => "finishing",
        Stage::Committing => "committing",
    };
    json!({
        "event": "progress",
        "stage": stage,
        "input_bytes_total": input_bytes_total,
        "input_bytes": input_bytes,
        "json_bytes": json_bytes,
        "json_bytes_per_second": speed.and_then(|speed| speed.json_bytes_per_second),
        "records": records,
        "rows": rows,
        "rejected": rejected,
        "partitions": partitions,
        "buffered_bytes": buffered_bytes,
        "elapsed_seconds": elapsed.as_secs_f64(),
        "seconds_left": speed.and_then(|speed| speed.left).map(|left| left.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_WAY: Progress = Progress {
        stage: Stage::Converting,
        input_bytes_total: Some(3_000_000_000),
        input_bytes: 1_000_000_000,
        json_bytes: 1_000_000_000,
        records: 1000,
        rows: 4567,
        rejected: 0,
        partitions: 1,
        buffered_bytes: 120_000_000,
    };

    #[expect(clippy::unnecessary_wraps, reason = "a speed is not always known")]
    fn after(seconds: u64) -> Option<Speed> {
        Some(Speed::new(&Progress::default(), &HALF_WAY, Duration::from_secs(seconds)))
    }

    #[test]
    fn a_line_says_all_there_is_to_know() {
        assert_eq!(
            sentence(&HALF_WAY, after(4)),
            "1.0 GB of 3.0 GB, 4,567 rows, 250 MB/s, 0 rejected, 1 partition, 120 MB buffered, 8.0 s left"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let from_pipe = Progress { input_bytes_total: None, ..HALF_WAY };
        let speed = Speed::new(&Progress::default(), &from_pipe, Duration::from_secs(4));
        assert_eq!(speed.left, None);
        assert!(sentence(&from_pipe, Some(speed)).starts_with("1.0 GB, 4,567 rows, 250 MB/s, 0 rejected"));
        assert_eq!(after(0), Some(Speed { json_bytes_per_second: None, left: Some(Duration::ZERO) }));
        let nothing_yet = Speed::new(&HALF_WAY, &HALF_WAY, Duration::from_secs(1));
        assert_eq!(nothing_yet, Speed { json_bytes_per_second: Some(0), left: None });
    }

    #[test]
    fn the_last_steps_have_no_rate() {
        let finishing = Progress { stage: Stage::Finishing, ..HALF_WAY };
        let line = sentence(&finishing, after(4));
        assert!(line.starts_with("writing the last rows, 1.0 GB of 3.0 GB") && !line.contains("/s"), "{line}");
        assert_eq!(sentence(&Progress::default(), None), "looking at a sample");
    }

    #[test]
    fn an_event_has_every_number() {
        let event = event(&HALF_WAY, after(4), Duration::from_secs(5));
        assert_eq!(event["stage"], "converting");
        assert_eq!(event["rows"], 4567);
        assert_eq!(event["json_bytes_per_second"], 250_000_000);
        assert_eq!(event["seconds_left"], 8.0);
        assert_eq!(event["elapsed_seconds"], 5.0);
        assert!(!event.to_string().contains('\n'));
    }

    #[test]
    fn the_numbers_of_an_event_are_not_mixed_up() {
        let progress = Progress {
            stage: Stage::Committing,
            input_bytes_total: Some(1),
            input_bytes: 2,
            json_bytes: 3,
            records: 4,
            rows: 5,
            rejected: 6,
            partitions: 7,
            buffered_bytes: 8,
        };
        let event = event(&progress, None, Duration::ZERO);
        let names = [
            "input_bytes_total",
            "input_bytes",
            "json_bytes",
            "records",
            "rows",
            "rejected",
            "partitions",
            "buffered_bytes",
        ];
        assert_eq!(names.map(|name| event[name].as_u64()), std::array::from_fn(|at| Some(at as u64 + 1)));
    }

    #[test]
    fn the_speed_is_that_since_the_conversion_began() {
        let console = Console::new(ProgressMode::Plain, u64::MAX, Arc::default());
        let begin = Progress { input_bytes: 5, ..HALF_WAY };
        for progress in [Progress::default(), begin, HALF_WAY] {
            console.progress(&progress);
        }
        assert_eq!(console.last.lock().unwrap().converting.map(|(_, first)| first), Some(begin));
    }

    #[test]
    fn the_stop_flag_is_passed_on() {
        let stop = Arc::new(AtomicBool::new(false));
        let console = Console::new(ProgressMode::None, u64::MAX, Arc::clone(&stop));
        assert!(!console.stop_requested());
        stop.store(true, Ordering::Relaxed);
        assert!(console.stop_requested());
    }
}
