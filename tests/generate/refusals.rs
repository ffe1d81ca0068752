//! Wrong options give an error with a hint.

use crate::folder::Folder;

#[test]
fn wrong_options_are_refused_with_a_way_out() {
    let folder = Folder::new();
    for (args, part) in [
        (&["--size", "lots"][..], "\"lots\" is not a size"),
        (&["--size", "0"], "a size of 0"),
        (&["--size", "1MB", "--records", "3"], "cannot be used with"),
        (&["--records", "0"], "0 records"),
        (&["--profile", "typicl"], "did you mean typical?"),
        (&["--shape", "calls"], "use one of: conversations"),
        (&["--order", "sorted"], "use one of: time"),
        (&["--broken-kinds", "utf-8"], "use one of: truncated"),
        (&["--broken", "2"], "write it in percent"),
        (&["--days", "0"], "days: 0"),
        (&["--users", "0"], "users: 0"),
        (&["--attribute-keys", "3"], "use at least 30 keys"),
        (&["--day-skew", "7"], "use 0 (equal) to 5"),
        (&["--threads", "0"], "--threads: 0"),
        (&["--compress", "bz2"], "possible values: gz, zst"),
        (&["--files", "0"], "use 1 or more"),
        (&["--files", "3", "--size", "1MB"], "use at most"),
    ] {
        let said = folder.ended(2, &[&["generate", "--out", "a"], args].concat());
        assert!(said.contains(part), "{args:?}: {said}");
    }
    std::os::unix::fs::symlink("elsewhere", folder.path("link")).unwrap();
    let said = folder.ended(2, &["generate", "--mode", "overwrite", "--size", "1MB", "--out", "link"]);
    assert!(said.contains("is a link, a pipe or a device"), "{said}");
    std::fs::remove_file(folder.path("link")).unwrap();
    let said = folder.ended(2, &["generate", "--files", "2", "--out", "-"]);
    assert!(said.contains("standard output is no folder"), "{said}");
    assert_eq!(folder.names(""), [""; 0]);
}
