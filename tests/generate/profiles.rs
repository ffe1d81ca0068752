//! Every profile and every shape must be what its name says, checked by a conversion.

use partiquet::generate::{BrokenKind, Profile, Shape};
use serde_json::Value;

use crate::folder::Folder;

/// The sum of a count over all paths.
fn total(report: &Value, what: &str) -> u64 {
    let paths = report["ledger"]["paths"].as_object().unwrap_or_else(|| panic!("{}", report["ledger"]));
    paths.values().map(|counts| counts[what].as_u64().unwrap_or_default()).sum()
}

#[test]
fn a_sound_profile_converts_without_any_surprise() {
    let folder = Folder::new();
    for profile in [Profile::Typical, Profile::WideAttributes, Profile::Shuffled] {
        for shape in Shape::WORDS {
            let profile = profile.to_string();
            let args =
                ["--size", "400kB", "--profile", &profile, "--shape", shape, "--out", "in", "--mode", "overwrite"];
            let said = folder.generate(&args);
            let report = folder.converted(0, &["in"]);
            // The members of a heartbeat do not belong to a call.
            let heartbeats = String::from_utf8(folder.read("in")).unwrap().matches("Heartbeat").count() as u64;
            assert!(heartbeats == 0 || *shape == "notifications");
            for (surprise, expected) in [("coerced", 0), ("mismatched", 0), ("unknown", heartbeats)] {
                assert_eq!(total(&report, surprise), expected, "{profile}, {shape}: {surprise}");
            }
            assert_eq!(report["rejected"], 0);
            // The conversion must find what the generator reports.
            assert_eq!(said_number(&said, "row"), report["rows"].as_u64().unwrap(), "{profile}, {shape}: {said}");
            assert_eq!(said_number(&said, "record"), report["records"].as_u64().unwrap(), "{said}");
        }
    }
}

/// The number 1234 in `1,234 rows`.
fn said_number(said: &str, what: &str) -> u64 {
    let words: Vec<&str> = said.split_whitespace().collect();
    let at = words.iter().position(|word| word.trim_end_matches([',', 's']) == what).unwrap();
    words[at - 1].replace(',', "").parse().unwrap()
}

#[test]
fn drift_brings_unknown_members_and_values_of_another_type() {
    let folder = Folder::new();
    folder.generate(&["--size", "1MB", "--profile", "drifting", "--out", "in"]);
    let report = folder.converted(0, &["in"]);
    assert_eq!(report["rejected"], 0);
    for surprise in ["coerced", "mismatched", "unknown"] {
        assert!(total(&report, surprise) > 10, "{surprise}: {}", total(&report, surprise));
    }
    let lines = String::from_utf8(folder.read("in")).unwrap();
    let drifted: Vec<bool> = lines.lines().map(|line| line.contains("sentimentScore")).collect();
    let from = drifted.iter().position(|drifted| *drifted).unwrap();
    assert!((drifted.len() * 4 / 10..drifted.len() * 6 / 10).contains(&from), "{from} of {}", drifted.len());
    assert!(drifted[from..].iter().all(|drifted| *drifted));
}

#[test]
fn each_kind_of_broken_record_is_refused_and_no_other_record() {
    let folder = Folder::new();
    for (kind, shape) in BrokenKind::WORDS.iter().zip(Shape::WORDS.iter().cycle()) {
        let of = ["--shape", shape, "--broken-kinds", kind];
        let said = folder.generate(
            &[&of[..], &["--records", "30", "--broken", "30%", "--out", "in", "--mode", "overwrite"]].concat(),
        );
        let broken: u64 =
            said.split(" of them broken").next().unwrap().split(' ').next_back().unwrap().parse().unwrap();
        let report = folder.converted(3, &["in", "--max-rejects", "unlimited"]);
        assert_eq!(report["rejected"].as_u64(), Some(broken), "{kind}, {shape}");
        assert_eq!(said_number(&said, "row"), report["rows"].as_u64().unwrap(), "{kind}, {shape}: {said}");
        let wanted = match *kind {
            "utf8" => "utf8",
            "deep" => "depth",
            "duplicate" => "duplicate",
            _ => "syntax",
        };
        for reject in report["rejects"].as_array().unwrap() {
            // A record that is cut within a character is not UTF-8 either.
            let kinds = [wanted, if *kind == "truncated" { "utf8" } else { wanted }];
            assert!(kinds.contains(&reject["kind"].as_str().unwrap()), "{kind}, {shape}: {reject}");
        }
    }
}

#[test]
fn dirty_is_refused_by_default_and_converted_with_a_budget() {
    let folder = Folder::new();
    folder.generate(&["--size", "1MB", "--profile", "dirty", "--out", "in"]);
    let said = folder.ended(1, &["convert", "in", "--out", "refused"]);
    assert!(said.contains("--max-rejects"), "{said}");
    let report = folder.converted(3, &["in", "--max-rejects", "5%"]);
    assert!(report["rejected"].as_u64().unwrap() > 0);
}

#[test]
fn knobs_do_what_they_say() {
    let folder = Folder::new();
    let report = |args: &[&str]| {
        folder.generate(&[args, &["--size", "1MB", "--out", "in", "--mode", "overwrite"]].concat());
        folder.converted(0, &["in", "--attribute-columns", "none"])
    };
    let days = |args: &[&str]| report(args)["partitions"].as_u64().unwrap();
    assert_eq!(days(&["--days", "3"]), 3);
    assert_eq!(days(&["--days", "40", "--order", "shuffled"]), 40);

    let keys = |args: &[&str]| {
        report(args)["ledger"]["paths"]
            .as_object()
            .unwrap()
            .keys()
            .filter(|path| path.starts_with("/attributes"))
            .count()
    };
    assert_eq!(keys(&["--attribute-keys", "0", "--attributes-per-participant", "0"]), 1, "the map alone");

    let read = |args: &[&str]| {
        report(args);
        String::from_utf8(folder.read("in")).unwrap()
    };
    assert!(read(&["--unicode", "0%", "--escapes", "0%"]).is_ascii());
    assert!(!read(&["--unicode", "50%"]).is_ascii());
    let queues = |args: &[&str]| {
        let text = read(args);
        let ids: std::collections::BTreeSet<&str> =
            text.split("\"/api/v2/routing/queues/").skip(1).map(|rest| &rest[..36]).collect();
        ids.len()
    };
    assert_eq!((queues(&["--queues", "1"]), queues(&["--queues", "4"])), (1, 4));
}
