//! Checks what is built into the program against the policy in `deny.toml`, which cargo-deny reads too: licences,
//! versions, sources, build scripts. Advisories are not checked here, because their database is not in the repository.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// A package that some target of the policy needs, for the program, its tests, or its build.
struct Package {
    name: String,
    version: String,
    license: String,
    source: Option<String>,
    has_build_script: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn policy() -> toml::Table {
    fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

/// The texts of a list in the policy; for tables in it, their member `crate`.
fn list(policy: &toml::Table, path: &[&str]) -> Vec<String> {
    let (last, tables) = path.split_last().unwrap();
    let table = tables.iter().fold(policy, |table, name| table[*name].as_table().expect(name));
    let text = |value: &toml::Value| value.get("crate").unwrap_or(value).as_str().expect("a text").to_owned();
    table[*last].as_array().expect(last).iter().map(text).collect()
}

fn packages(policy: &toml::Table) -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked"]).current_dir(root());
    for target in list(policy, &["graph", "targets"]) {
        cargo.args(["--filter-platform", &target]);
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let package = |package: &Value| Package {
        name: text(&package["name"]).unwrap(),
        version: text(&package["version"]).unwrap(),
        license: text(&package["license"]).unwrap_or_default(),
        source: text(&package["source"]),
        has_build_script: package["targets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|target| target["kind"] == serde_json::json!(["custom-build"])),
    };
    let packages: Vec<Package> = metadata["packages"].as_array().unwrap().iter().map(package).collect();
    assert!(packages.len() > 50, "{} packages", packages.len());
    packages
}

/// Whether the policy allows one of the licence alternatives of a package. `/` is the old form of `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    let is_allowed = any_of(&words, &mut at, allowed);
    is_allowed && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is_allowed = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        is_allowed |= all_of(words, at, allowed);
    }
    is_allowed
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is_allowed = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        is_allowed &= one(words, at, allowed);
    }
    is_allowed
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    match words.get(*at..) {
        Some(["(", ..]) => {
            *at += 1;
            let is_allowed = any_of(words, at, allowed);
            *at += 1;
            is_allowed && words.get(*at - 1) == Some(&")")
        }
        Some([license, "WITH", exception, ..]) => {
            *at += 3;
            allowed.contains(&format!("{license} WITH {exception}"))
        }
        Some([license, ..]) => {
            *at += 1;
            allowed.contains(*license)
        }
        _ => false,
    }
}

#[test]
fn an_expression_is_allowed_if_one_way_through_it_is() {
    let allowed: BTreeSet<String> = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(GPL-3.0 OR MIT) AND Zlib", "Apache-2.0 WITH LLVM-exception OR X"]
    {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(MIT", "MIT Zlib", "GPL-3.0 OR (MIT AND X)", "OR MIT"]
    {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_licence_is_allowed() {
    let policy = policy();
    let allowed: BTreeSet<String> = list(&policy, &["licenses", "allow"]).into_iter().collect();
    let packages = packages(&policy);
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(&package.license, &allowed))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    for license in &allowed {
        let is_used = packages.iter().any(|package| package.license.contains(license.as_str()));
        assert!(is_used, "allowed and not needed: {license}");
    }
}

#[test]
fn there_is_one_version_of_each_package() {
    let policy = policy();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages(&policy) {
        versions.entry(package.name).or_default().insert(package.version);
    }
    for skipped in list(&policy, &["bans", "skip"]) {
        let (name, version) = skipped.split_once('@').expect("name@version");
        let found = versions.get_mut(name).expect(name);
        let number = found.len();
        found.retain(|found| !found.starts_with(&format!("{version}.")));
        assert!(found.len() < number && !found.is_empty(), "{skipped} need not be left out");
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "{versions:#?}");
}

#[test]
fn everything_comes_from_the_registry() {
    let policy = policy();
    let allowed = list(&policy, &["sources", "allow-registry"]);
    for package in packages(&policy) {
        match package.source {
            // The package itself has no source.
            None => assert_eq!(package.name, "partiquet"),
            Some(source) => {
                assert!(allowed.iter().any(|registry| source == format!("registry+{registry}")), "{source}");
            }
        }
    }
}

#[test]
fn build_scripts_are_known_and_none_is_ours() {
    let policy = policy();
    let known: BTreeSet<String> = list(&policy, &["bans", "build", "allow-build-scripts"]).into_iter().collect();
    let packages = packages(&policy);
    let found: BTreeSet<String> =
        packages.into_iter().filter(|package| package.has_build_script).map(|package| package.name).collect();
    assert_eq!(found, known, "found on the left, known to deny.toml on the right");
    assert!(!known.contains("partiquet"));
}
