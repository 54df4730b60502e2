//! Shell lines have two readers: the decoder's, and the reference evaluator's, which shares no code with it. They agree
//! on random lines, on lines as they are written every day, and on lines from public bug reports.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use arbitrary::Unstructured;
use generate::shell;
use perso_core::policy::Facet;
use perso_core::reference::{Value as Read, facet};
use perso_decode::facet::shell::{Line, Records, flag, memory};
use serde_json::Value;

/// How many random lines are read, if `PERSO_LINES` does not say.
const LINES: u32 = 50_000;

/// The commands of a line, as both readers read it. `None`: both refuse it.
fn agreed(line: &str) -> Option<Vec<Read>> {
    let by_reference = facet::read(Facet::Shell, line).ok();
    assert_eq!(by_decoder(line), by_reference, "decoder (left) and reference (right) differ in {line:?}");
    by_reference.map(|commands| match commands {
        Read::List(commands) => commands,
        other => panic!("{line:?}: {other:?}"),
    })
}

/// What the decoder reads, as the reference evaluator shows it.
fn by_decoder(line: &str) -> Option<Read> {
    // Other calls have left something in it.
    let mut memory = vec![0xa5; memory(line.len())];
    let mut read = Line::new(line.as_bytes(), &mut memory)?;
    read.read()?;
    let records = &read.records;
    let mut commands = Vec::new();
    let mut command = records.next_command(0);
    while command != 0 {
        let program = records.program(command);
        let lists = [
            ("words", flag::WORD, program),
            ("args", flag::WORD, records.following(program, flag::WORD)),
            ("env", flag::ENV, records.first(command, flag::ENV)),
            ("writes", flag::WRITES, records.first(command, flag::WRITES)),
            ("reads", flag::READS, records.first(command, flag::READS)),
        ];
        let lists = lists.into_iter().map(|(name, kind, first)| (name.to_owned(), list(records, kind, first)));
        let program = ("program".to_owned(), string(records, program));
        commands.push(Read::Object(std::iter::once(program).chain(lists).collect()));
        command = records.next_command(command);
    }
    assert_eq!(commands.len(), read.commands as usize, "{line:?}");
    Some(Read::List(commands))
}

/// The records of a kind, from one on. Nothing is known behind what may be any number of texts.
fn list(records: &Records<'_>, kind: u32, first: u32) -> Read {
    let (mut texts, mut several) = (Vec::new(), false);
    let mut record = first;
    while record != 0 {
        let flags = records.flags(record);
        several |= flags & flag::SEVERAL != 0;
        texts.push((!several && flags & flag::UNKNOWN == 0).then(|| string(records, record)));
        record = records.following(record, kind);
    }
    Read::List(texts.into_iter().map(|text| text.unwrap_or(Read::Unknown { several })).collect())
}

fn string(records: &Records<'_>, record: u32) -> Read {
    Read::String(String::from_utf8(records.text(record).to_vec()).expect("it is cut between characters"))
}

/// The known text; `None` for one that is not known.
fn text(value: &Read) -> Option<String> {
    match value {
        Read::String(text) => Some(text.clone()),
        Read::Unknown { .. } => None,
        other => panic!("{other:?} is no text"),
    }
}

/// The objects of a file with one in each line.
fn objects(path: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn readers_agree_on_random_lines() {
    let wanted = std::env::var("PERSO_LINES").map_or(LINES, |lines| lines.parse().expect("PERSO_LINES is a number"));
    let mut noise = generate::noise(0);
    let mut read = 0;
    for _ in 0..wanted {
        let noise: Vec<u8> = (0..64).flat_map(|_| noise()).collect();
        let generated = shell::line(&mut Unstructured::new(&noise)).expect("noise never ends");
        read += u32::from(agreed(&generated.line).is_some());
    }
    println!("{read} of {wanted} lines are read");
    assert!(read >= wanted / 4, "hardly any line is read: {read} of {wanted}");
}

#[test]
fn readers_agree_on_each_trick_in_each_place() {
    let (mut all, mut read) = (0, 0);
    for line in shell::each() {
        all += 1;
        read += u32::from(agreed(&line).is_some());
    }
    println!("{read} of {all} lines are read");
    assert!(all > 100_000 && read > all / 10, "{read} of {all}");
}

#[test]
fn ordinary_lines_are_read_but_for_those_with_a_reason() {
    let line = |object: &Value| object["line"].as_str().unwrap().to_owned();
    let ordinary = objects("tests/shells/ordinary.jsonl");
    let refused: BTreeSet<String> = ordinary.iter().map(line).filter(|line| agreed(line).is_none()).collect();
    let expected = objects("tests/shells/refused.jsonl");
    assert!(expected.iter().all(|object| object["why"].as_str().is_some_and(|why| !why.is_empty())));
    assert_eq!(refused, expected.iter().map(line).collect());
    assert_eq!(refused.len(), expected.len(), "a line is a duplicate");
    assert!(refused.len() * 20 <= ordinary.len(), "{} of {} are refused", refused.len(), ordinary.len());
}

#[test]
fn reported_lines_are_read_as_they_should_be() {
    let mut wrong = Vec::new();
    for case in objects("../policies/reported/shell.jsonl") {
        let commands = agreed(case["line"].as_str().unwrap());
        let Some(commands) = commands else {
            if !case["programs"].is_null() && case["refused_is_right_too"] != true {
                wrong.push(format!("refused: {case}"));
            }
            continue;
        };
        let member = |command: &Read, name: &str| command.member(name).cloned().expect("each command has it");
        let programs: Vec<_> = commands.iter().map(|command| text(&member(command, "program"))).collect();
        let writes = commands.iter().flat_map(|command| match member(command, "writes") {
            Read::List(writes) => writes,
            other => panic!("{other:?} is no list"),
        });
        let writes: Vec<_> = writes.map(|write| text(&write)).collect();
        // `null`: it is only known when the line runs.
        let is_as_listed = match &case["writes"] {
            Value::Null => writes.contains(&None),
            listed => Value::from(writes.clone()) == *listed,
        };
        if Value::from(programs.clone()) != case["programs"] || !is_as_listed {
            wrong.push(format!("programs {programs:?}, writes {writes:?}: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
