use std::{fs, io::Cursor};

use super::*;
use crate::{input::stream::Stream, observe::Silent};

/// The blocks of a sample; inputs that cannot be read are skipped.
fn sample_blocks(inputs: &[InputFile], options: SampleOptions) -> Result<Vec<RecordBlock>> {
    let mut blocks = Vec::new();
    sample(inputs, options, &Silent, |piece| {
        if let Ok(Piece::Block(block)) = piece {
            blocks.push(block);
        }
        Ok(())
    })?;
    Ok(blocks)
}

fn lines(num_lines: usize) -> String {
    let line = |idx| format!("{{\"idx\":{idx},\"text\":\"{}\"}}\n", "x".repeat(idx % 90));
    (0..num_lines).map(line).collect::<Vec<_>>().concat()
}

fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> InputFile {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    InputFile::open(path).unwrap()
}

const OPTIONS: SampleOptions = SampleOptions { bytes: 8000, places: 4, max_record_bytes: 100_000 };

/// Asserts that a block has whole lines only, and is at the offset that it names.
fn assert_whole(block: &RecordBlock, text: &str) {
    let start = usize::try_from(block.offset).unwrap();
    assert_eq!(block.bytes, text.as_bytes()[start..start + block.bytes.len()]);
    assert!(start == 0 || text.as_bytes()[start - 1] == b'\n');
    assert!(block.bytes.ends_with(b"\n"));
}

#[test]
fn a_large_file_of_lines_is_entered_at_several_places() {
    let dir = tempfile::tempdir().unwrap();
    let text = lines(5000);
    let input = file(&dir, "a", &text);
    let blocks = sample_blocks(std::slice::from_ref(&input), OPTIONS).unwrap();
    assert_eq!(blocks.len(), 4);
    for (place, block) in blocks.iter().enumerate() {
        assert_whole(block, &text);
        let near = (text.len() / 4 * place) as u64;
        assert!((near..near + 200).contains(&block.offset), "{}", block.offset);
        assert!((1700..=2000).contains(&block.bytes.len()));
    }
    assert_eq!(sample_blocks(&[input], OPTIONS).unwrap(), blocks, "the same again");
}

#[test]
fn what_follows_a_line_that_covers_two_places_is_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{{\"a\":\"{}\"}}\n", "y".repeat(50_000));
    let text = [lines(150), long, lines(300)].concat();
    let blocks = sample_blocks(&[file(&dir, "a", &text)], OPTIONS).unwrap();
    let mut end = 0;
    for block in &blocks {
        assert_whole(block, &text);
        assert!(block.offset >= end, "{} was taken before", block.offset);
        end = block.offset + block.bytes.len() as u64;
    }
    assert!(blocks.len() > 1);
}

#[test]
fn long_lines_are_taken_whole_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{{\"a\":\"{}\"}}\n", "y".repeat(30_000)).repeat(3);
    let blocks = sample_blocks(&[file(&dir, "a", &text)], OPTIONS).unwrap();
    let mut end = 0;
    for block in &blocks {
        assert_whole(block, &text);
        assert!(block.offset >= end);
        end = block.offset + block.bytes.len() as u64;
    }
    assert!(blocks.len() >= 2);
}

#[test]
fn small_files_and_documents_are_read_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let small = lines(10);
    let array = format!("[{}]", vec!["{\"a\":[1]}"; 5000].join(",\n"));
    let inputs = [file(&dir, "a", &small), file(&dir, "b", &array), file(&dir, "c", "[{\"a\":1} oh")];
    let blocks = sample_blocks(&inputs, SampleOptions { places: 3, ..OPTIONS }).unwrap();
    assert_eq!(blocks[0].bytes, small.as_bytes());
    assert!(
        blocks.iter().any(|block| block.input == 1 && matches!(&block.framing, Framing::Ranges(r) if r.len() > 100))
    );
    let of_array: usize = blocks.iter().filter(|block| block.input == 1).map(|block| block.bytes.len()).sum();
    assert!((2600..6000).contains(&of_array), "{of_array}");
    assert_eq!(blocks.last().unwrap().input, 2, "what can be read of a broken document");
}

#[test]
fn of_many_inputs_some_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let inputs: Vec<InputFile> = (0..10).map(|idx| file(&dir, &format!("{idx}"), "{}\n")).collect();
    let looked_at: Vec<usize> = sample_blocks(&inputs, OPTIONS).unwrap().iter().map(|block| block.input).collect();
    assert_eq!(looked_at, [0, 2, 5, 7]);
    assert_eq!(sample_blocks(&[], OPTIONS).unwrap(), []);
}

#[test]
fn a_stream_is_still_whole_after_it_was_looked_at() {
    let text = lines(2000);
    let input = InputFile::stream("it", Stream::new(Cursor::new(text.clone().into_bytes())));
    let sample = sample_blocks(std::slice::from_ref(&input), OPTIONS).unwrap();
    assert_whole(&sample[0], &text);
    let mut reader = BlockReader::new(vec![input], ReadOptions::default());
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next_piece(None).unwrap() {
        if let Piece::Block(block) = piece {
            bytes.extend(block.bytes);
        }
    }
    assert_eq!(bytes, text.as_bytes());
}

#[test]
fn why_an_input_cannot_be_read_is_told_in_its_turn() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let damaged = InputFile::open(&path).unwrap();
    let gone =
        InputFile { name: "b".into(), source: Source::File(dir.path().join("gone")), bytes: Some(1), place: None };
    let inputs = [damaged, gone, file(&dir, "c", "{}\n")];
    let mut told = Vec::new();
    let is_complete = sample(&inputs, OPTIONS, &Silent, |piece| {
        told.push(match piece {
            Ok(Piece::Block(block)) => format!("block of {}", block.input),
            Ok(other) => {
                format!("{other:?}").split('(').next().unwrap_or_default().split(' ').next().unwrap().to_owned()
            }
            Err(Error::Input { .. }) => "damaged".to_owned(),
            Err(error) => error.to_string().split('/').next().unwrap_or_default().to_owned(),
        });
        Ok(())
    });
    assert_eq!(told, ["damaged", "cannot open ", "block of 2", "EndOfInput"]);
    assert!(!is_complete.unwrap());
}

#[test]
fn a_sample_is_complete_if_all_inputs_came_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let complete = |inputs: &[InputFile]| sample(inputs, OPTIONS, &Silent, |_| Ok(())).unwrap();
    assert!(complete(&[]));
    assert!(complete(&[file(&dir, "a", &lines(10)), file(&dir, "b", "")]));
    assert!(complete(&[InputFile::stream("it", Stream::new(Cursor::new(lines(10))))]));
    assert!(!complete(&[file(&dir, "c", &lines(5000))]));
    assert!(!complete(&[file(&dir, "c", &lines(300)), file(&dir, "d", "{}")]), "its share is less than its size");
    let many: Vec<InputFile> = (0..5).map(|n| file(&dir, &format!("{n}"), "{}\n")).collect();
    assert!(complete(&many[..4]) && !complete(&many), "four places are looked at");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, lines(5000).as_bytes()).unwrap();
    fs::write(dir.path().join("gz"), gz.finish().unwrap()).unwrap();
    let gz = InputFile::open(dir.path().join("gz")).unwrap();
    assert!(!complete(&[gz]), "its stored bytes are fewer than those looked at");
}

#[test]
fn a_sample_can_be_asked_to_stop() {
    struct Stop;
    impl Observer for Stop {
        fn stop_requested(&self) -> bool {
            true
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for input in [file(&dir, "a", &lines(5000)), InputFile::stream("it", Stream::new(Cursor::new(lines(10))))] {
        assert!(matches!(sample(&[input], OPTIONS, &Stop, |_| Ok(())), Err(Error::Interrupted)));
    }
}

#[test]
fn of_all_streams_together_no_more_is_kept_than_a_sample_and_a_record() {
    let streams: Vec<Stream> = (0..8).map(|_| Stream::new(std::io::Cursor::new(vec![b'x'; 300_000]))).collect();
    let inputs: Vec<InputFile> = streams.iter().map(|stream| InputFile::stream("it", stream.clone())).collect();
    for _ in 0..2 {
        let _ = sample_blocks(&inputs, OPTIONS);
        let kept: usize = streams.iter().map(Stream::kept_bytes).sum();
        assert!((OPTIONS.bytes..=OPTIONS.bytes + OPTIONS.max_record_bytes).contains(&kept), "{kept}");
    }
}

#[test]
fn a_stream_whose_first_record_is_longer_than_the_sample_is_looked_at() {
    let text = format!("{{\"a\":\"{}\"}}\n", "y".repeat(90_000));
    let input = InputFile::stream("it", Stream::new(std::io::Cursor::new(text.clone().into_bytes())));
    let blocks = sample_blocks(&[input], OPTIONS).unwrap();
    assert_eq!(blocks[0].bytes, text.as_bytes());
}
