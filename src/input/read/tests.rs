use super::*;

#[test]
fn formats_are_seen_in_the_first_bytes() {
    assert_eq!(Format::detect(b""), Format::Plain);
    assert_eq!(Format::detect(b"{\"a\":"), Format::Plain);
    assert_eq!(Format::detect(&[0x1f, 0x8b, 8]), Format::Gzip);
    assert_eq!(Format::detect(&[0x28, 0xb5, 0x2f, 0xfd]), Format::Zstd);
    assert_eq!(Format::detect(&[0x5f, 0x2a, 0x4d, 0x18]), Format::Zstd);
    assert_eq!(Format::detect(&[0x1f]), Format::Truncated("gzip"));
    assert_eq!(Format::detect(&[0x28, 0xb5]), Format::Truncated("zstd"));
    assert_eq!(Format::detect(b"("), Format::Plain);
    assert_eq!(Format::detect(b"<"), Format::Plain);
}

#[test]
fn an_error_of_the_system_names_the_input() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let input = InputFile::stream("it", super::super::stream::Stream::new((&b"{\"a\":1}"[..]).chain(Broken)));
    let mut reader = InputReader::open(&input, Access::Convert, &crate::observe::Silent).unwrap();
    let mut out = [0; 100];
    let error = loop {
        match reader.read(&mut out) {
            Ok(n) => assert!(n > 0, "an error is not an end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "cannot read it: the disk is gone");
}
