//! What a journal keeps, and what it shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use perso_journal::{Journal, JournalError, Settings, Signer, Verified, Verifier, Wanted, entries, verify};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{Keys, lines, wanted};

fn write(folder: &Path, settings: Settings, count: u64) {
    let journal = Journal::open(folder, settings).unwrap();
    (0..count).for_each(|n| journal.append(&json!({ "n": n })).unwrap().wait().unwrap());
    assert_eq!((journal.counts().written, journal.counts().lost), (count, 0));
}

fn numbers(folder: &Path) -> Vec<u64> {
    let read = |entry: Result<perso_journal::Entry, JournalError>| {
        serde_json::from_slice::<Value>(&entry.unwrap().text).unwrap().get("n").and_then(Value::as_u64)
    };
    entries(folder).unwrap().filter_map(read).collect()
}

#[track_caller]
fn assert_in_order(verified: &Verified) {
    assert_eq!(verified.findings, [], "{verified:?}");
}

#[test]
fn lines_are_kept_in_order_over_files_and_processes() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut settings = keys.settings();
    settings.file_bytes = 5_000;
    for _ in 0..3 {
        write(folder.path(), settings.clone(), 100);
    }
    assert_eq!(numbers(folder.path()), (0..3).flat_map(|_| 0..100).collect::<Vec<_>>());
    let verified = verify(folder.path(), &keys.wanted()).unwrap();
    assert_in_order(&verified);
    assert!(fs::read_dir(folder.path()).unwrap().count() > 4);
    assert_eq!((verified.first, verified.last), (1, verified.lines));
    // The last line is a checkpoint about the one before.
    assert_eq!(verified.signed, Some(verified.last - 1));
}

#[test]
fn closing_waits_for_all_lines_and_signs_them() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let journal = Journal::open(folder.path(), keys.settings()).unwrap();
    (0..500).for_each(|n| drop(journal.append(&json!({ "n": n })).unwrap()));
    let counts = journal.close();
    assert_eq!((counts.written, counts.lost), (500, 0));
    let verified = verify(folder.path(), &keys.wanted()).unwrap();
    assert_in_order(&verified);
    assert_eq!(verified.signed, Some(verified.last - 1));
}

#[test]
fn files_end_when_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.file_age = Duration::ZERO;
    write(folder.path(), settings, 1);
    assert!(folder.path().join("000002.jsonl").exists());
    assert_in_order(&verify(folder.path(), &Wanted::default()).unwrap());
}

#[test]
fn the_oldest_files_may_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.file_bytes = 1_000;
    for _ in 0..4 {
        write(folder.path(), settings.clone(), 20);
    }
    fs::remove_file(folder.path().join("000001.jsonl")).unwrap();
    let verified = verify(folder.path(), &Wanted::default()).unwrap();
    assert_in_order(&verified);
    assert!(verified.first > 1);
    let mut whole = Wanted::default();
    whole.is_whole = true;
    assert!(verify(folder.path(), &whole).unwrap().findings[0].problem.contains("those before it are missing"));
}

#[test]
fn what_is_no_object_or_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Settings::default()).unwrap();
    for value in [json!([]), json!("text"), Value::Null, json!({ "long": "x".repeat(1 << 20) })] {
        assert!(matches!(journal.append(&value), Err(JournalError::Line)));
    }
    journal.append(&json!({})).unwrap().wait().unwrap();
    journal.append(&json!({ "long": "x".repeat((1 << 20) - 200) })).unwrap().wait().unwrap();
    drop(journal);
    // The journal says itself what it lacks.
    let texts = lines(folder.path());
    assert!(texts.iter().any(|line| serde_json::from_str::<Value>(line).unwrap()["lost"] == 4), "{:?}", &texts[..2]);
    assert_in_order(&verify(folder.path(), &Wanted::default()).unwrap());
}

#[test]
fn an_unfinished_line_is_no_finding_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Settings::default(), 3);
    let file = folder.path().join("000001.jsonl");
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"seq\":5,\"prev\":\"").unwrap();
    let verified = verify(folder.path(), &Wanted::default()).unwrap();
    assert_in_order(&verified);
    assert!(verified.is_unfinished);
    write(folder.path(), Settings::default(), 3);
    let verified = verify(folder.path(), &Wanted::default()).unwrap();
    assert_in_order(&verified);
    assert!(!verified.is_unfinished);
    assert_eq!(numbers(folder.path()), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_lost_state_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    write(folder.path(), keys.settings(), 3);
    for state in [&b""[..], b"{}", b"\xff", &[b' '; 600]] {
        fs::write(folder.path().join("lock"), state).unwrap();
        write(folder.path(), keys.settings(), 3);
    }
    // A process was killed after it had begun a file: before its first line, and after it.
    fs::write(folder.path().join("000002.jsonl"), "{\"seq\":").unwrap();
    write(folder.path(), keys.settings(), 3);
    let verified = verify(folder.path(), &keys.wanted()).unwrap();
    assert_in_order(&verified);
    assert_eq!(numbers(folder.path()).len(), 18);
}

/// Numbers that could overflow, in the state and in lines.
#[test]
fn numbers_that_no_journal_has_are_no_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Settings::default(), 3);
    let (file, lock) = (folder.path().join("000001.jsonl"), folder.path().join("lock"));
    let state = fs::read_to_string(&lock).unwrap();
    let most = u64::MAX.to_string();
    let early = i64::MIN.to_string();
    for (key, value) in [("seq", &most), ("file", &most), ("signed", &most), ("began", &early), ("signed_at", &early)] {
        let mut broken: Value = serde_json::from_str(&state).unwrap();
        broken[key] = serde_json::from_str(value).unwrap();
        fs::write(&lock, broken.to_string()).unwrap();
        write(folder.path(), Settings::default(), 1);
        assert_in_order(&verify(folder.path(), &Wanted::default()).unwrap());
    }
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("{\"seq\":1,", &format!("{{\"seq\":{most},"))).unwrap();
    assert_eq!(verify(folder.path(), &Wanted::default()).unwrap().findings[0].problem, "this is no line of a journal");
    fs::write(&lock, "").unwrap();
    assert!(matches!(Journal::open(folder.path(), Settings::default()), Err(JournalError::NotAJournal { .. })));
    fs::write(folder.path().join(format!("{most}.jsonl")), "").unwrap();
    assert!(verify(folder.path(), &Wanted::default()).is_ok());
}

#[test]
fn nothing_is_removed_that_no_process_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Settings::default(), 3);
    let file = folder.path().join("000001.jsonl");
    let text = [fs::read(&file).unwrap(), vec![b'x'; 2 << 20], b"\nlast".to_vec()].concat();
    fs::write(&file, &text).unwrap();
    for state in [fs::read(folder.path().join("lock")).unwrap(), Vec::new()] {
        fs::write(folder.path().join("lock"), state).unwrap();
        assert!(matches!(Journal::open(folder.path(), Settings::default()), Err(JournalError::NotAJournal { .. })));
        assert_eq!(fs::read(&file).unwrap(), text);
    }
    // The same where it is the first line.
    let text = vec![b'x'; 2 << 20];
    fs::write(&file, &text).unwrap();
    assert!(matches!(Journal::open(folder.path(), Settings::default()), Err(JournalError::NotAJournal { .. })));
    assert_eq!(fs::read(&file).unwrap(), text);
}

#[test]
fn what_was_cut_off_is_seen_after_more_was_written() {
    for remove in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Settings::default(), 10);
        let file = folder.path().join("000001.jsonl");
        if remove {
            fs::remove_file(&file).unwrap();
        } else {
            let text = fs::read_to_string(&file).unwrap();
            let kept: String = text.split_inclusive('\n').take(5).collect();
            fs::write(&file, kept).unwrap();
        }
        write(folder.path(), Settings::default(), 10);
        let mut whole = Wanted::default();
        whole.is_whole = true;
        let findings = verify(folder.path(), &whole).unwrap().findings;
        assert!(findings.len() == 1 && findings[0].problem.contains("missing"), "{findings:?}");
    }
}

#[test]
fn another_key_has_signed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, others) = (Keys::new(), Keys::new());
    write(folder.path(), keys.settings(), 10);
    let findings = verify(folder.path(), &others.wanted()).unwrap().findings;
    // One at the beginning, and one at the end.
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|found| found.problem.starts_with("none of the keys has signed")), "{findings:?}");
    assert!(Signer::read(&keys.public()).is_err());
    assert!(Verifier::read(&keys.private()).is_err());
}

#[test]
fn openssh_verifies_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let copies = folder.path().join("copies");
    let mut settings = keys.settings();
    settings.checkpoints = Some(copies.clone());
    write(&folder.path().join("journal"), settings, 10);
    let copies = fs::read_to_string(copies).unwrap();
    let mut checkpoint: perso_journal::Checkpoint = serde_json::from_str(copies.lines().last().unwrap()).unwrap();
    assert!(openssh_accepts(&keys, folder.path(), &checkpoint));
    checkpoint.seq += 1;
    assert!(!openssh_accepts(&keys, folder.path(), &checkpoint));
}

fn openssh_accepts(keys: &Keys, folder: &Path, checkpoint: &perso_journal::Checkpoint) -> bool {
    let public = fs::read_to_string(keys.public()).unwrap();
    fs::write(folder.join("keys"), format!("perso {public}")).unwrap();
    fs::write(folder.join("signature"), &checkpoint.signature).unwrap();
    let mut verify = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-f", "keys", "-I", "perso", "-n", "perso-journal", "-s", "signature"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh-keygen of OpenSSH is installed");
    verify.stdin.take().unwrap().write_all(checkpoint.message().as_bytes()).unwrap();
    verify.wait().unwrap().success()
}

#[test]
fn what_is_no_journal_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(verify(folder.path(), &Wanted::default()), Err(JournalError::NotAJournal { .. })));
    assert!(matches!(verify(folder.path().join("none"), &Wanted::default()), Err(JournalError::File { .. })));
    fs::write(folder.path().join("000001.jsonl"), "something\n").unwrap();
    assert!(matches!(Journal::open(folder.path(), Settings::default()), Err(JournalError::NotAJournal { .. })));
    assert_eq!(verify(folder.path(), &Wanted::default()).unwrap().findings.len(), 1);
}

/// A change that somebody could make to the text of a journal, between two of its lines.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Change,
    Remove,
    Insert,
    Swap,
    Truncate,
}

/// Every edit before the last checkpoint is found, whether or not the one who made it has computed all hashes anew.
#[test]
fn every_edit_behind_a_checkpoint_is_found() {
    let count = wanted("PERSO_LINES", 5_000);
    let edits = wanted("PERSO_EDITS", 60);
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let copies = folder.path().join("copies");
    let mut settings = keys.settings();
    settings.checkpoints = Some(copies.clone());
    settings.file_bytes = u64::MAX;
    let journal = Journal::open(folder.path().join("journal"), settings).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..count {
        let line = json!({ "n": n, "tool": "process_refund", "args": { "amount": random.u32(..1000) } });
        // The queue is short.
        if journal.append(&line).unwrap().wait().is_err() {
            panic!("line {n} is not written");
        }
    }
    drop(journal);
    let file = folder.path().join("journal/000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let original: Vec<&str> = text.lines().collect();
    let mut with_copies = keys.wanted();
    with_copies.checkpoints = Some(copies);
    assert_in_order(&verify(folder.path().join("journal"), &with_copies).unwrap());

    for number in 0..edits {
        let at = random.usize(0..original.len() - 2);
        let edit = random.choice([Edit::Change, Edit::Remove, Edit::Insert, Edit::Swap, Edit::Truncate]).unwrap();
        let mut edited: Vec<String> = original.iter().map(|line| (*line).to_owned()).collect();
        match edit {
            Edit::Change => edited[at] = support::changed(&edited[at], &mut random),
            Edit::Remove => drop(edited.drain(at..at + random.usize(1..=(original.len() - at).min(3)))),
            Edit::Insert => edited.insert(at, edited[random.usize(..original.len())].clone()),
            Edit::Swap => edited.swap(at, at + 1),
            Edit::Truncate => edited.truncate(at + 1),
        }
        for rehash in [false, true] {
            let mut forged = edited.clone();
            if rehash {
                support::rehash(&mut forged);
            }
            fs::write(&file, forged.join("\n") + "\n").unwrap();
            let verified = verify(folder.path().join("journal"), &with_copies).unwrap();
            assert!(!verified.findings.is_empty(), "{number}: {edit:?} at {at}, rehashed: {rehash}: {verified:?}");
        }
    }
}

/// Processes that are killed at any time leave a journal that is in order, with every line that they were promised.
#[test]
fn killed_processes_leave_the_journal_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let journal = folder.path().join("journal");
    let mut random = fastrand::Rng::new();
    let mut promised = Vec::new();
    for round in 0..wanted("PERSO_KILLS", 10) {
        let mut processes: Vec<_> = (0..3)
            .map(|process| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "writes_until_it_is_killed", "--nocapture", "--include-ignored"])
                    .env("PERSO_JOURNAL", &journal)
                    .env("PERSO_KEY", keys.private())
                    .env("PERSO_FIRST", (round * 3 + process).to_string())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        std::thread::sleep(Duration::from_millis(random.u64(5..200)));
        for process in &mut processes {
            process.kill().unwrap();
        }
        for process in processes {
            let output = process.wait_with_output().unwrap().stdout;
            let text = String::from_utf8(output).unwrap();
            let acknowledged =
                text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.strip_prefix("written "));
            promised.extend(acknowledged.map(|number| number.parse::<u64>().unwrap()));
        }
        let verified = verify(&journal, &Wanted::default()).unwrap();
        assert_in_order(&verified);
    }
    let mut written = numbers(&journal);
    written.sort_unstable();
    assert!(promised.len() > 10, "{promised:?}");
    for number in promised {
        assert!(written.binary_search(&number).is_ok(), "{number} is not in the journal");
    }
    drop(Journal::open(&journal, keys.settings()).unwrap());
    assert_in_order(&verify(&journal, &keys.wanted()).unwrap());
}

#[test]
#[ignore = "a process of the test above"]
fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var("PERSO_JOURNAL") else { return };
    let first: u64 = std::env::var("PERSO_FIRST").unwrap().parse().unwrap();
    let mut settings = Settings::default();
    settings.signer = Some(Signer::read(Path::new(&std::env::var("PERSO_KEY").unwrap())).unwrap());
    settings.file_bytes = 20_000;
    let journal = Journal::open(folder, settings).unwrap();
    for n in 0.. {
        let number = first * 1_000_000_000 + n;
        let line = json!({ "n": number, "filler": "x".repeat((n % 300) as usize) });
        journal.append(&line).unwrap().wait().unwrap();
        println!("written {number}");
    }
}

/// Where a file cannot become longer, nothing of what could not be written stays, and the journal goes on later.
#[test]
fn a_full_disk_is_an_error_and_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    // In blocks of 512 or 1024 bytes.
    let full = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\" --exact writes_until_the_disk_is_full --nocapture --include-ignored"])
        .arg(std::env::current_exe().unwrap())
        .env("PERSO_JOURNAL", &journal)
        .output()
        .unwrap();
    assert!(full.status.success(), "{full:?}");
    let verified = verify(&journal, &Wanted::default()).unwrap();
    assert_in_order(&verified);
    assert!(!verified.is_unfinished);
    let before = numbers(&journal).len();
    write(&journal, Settings::default(), 1);
    assert_in_order(&verify(&journal, &Wanted::default()).unwrap());
    assert_eq!(numbers(&journal).len(), before + 1);
}

#[test]
#[ignore = "a process of the test above"]
fn writes_until_the_disk_is_full() {
    let Ok(folder) = std::env::var("PERSO_JOURNAL") else { return };
    let journal = Journal::open(&folder, Settings::default()).unwrap();
    let append =
        |n: u64, length: usize| journal.append(&json!({ "n": n, "filler": "x".repeat(length) })).unwrap().wait();
    let failed = (0..100).find(|n| append(*n, 2_000).is_err()).expect("the disk is full");
    assert_eq!(numbers(Path::new(&folder)).len() as u64, failed);
    // A shorter line has room, and comes after one that says what is missing.
    append(failed, 1).unwrap();
    let texts = lines(Path::new(&folder));
    assert_eq!(serde_json::from_str::<Value>(&texts[texts.len() - 2]).unwrap()["lost"], 1);
}

/// Checkpoints that cannot be copied are counted, and are in the journal.
#[test]
fn a_copy_that_fails_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut settings = keys.settings();
    // A device on which every write fails for want of room.
    settings.checkpoints = Some("/dev/full".into());
    settings.file_age = Duration::ZERO;
    let journal = Journal::open(folder.path(), settings).unwrap();
    journal.append(&json!({ "n": 1 })).unwrap().wait().unwrap();
    assert!(journal.counts().uncopied > 0);
    drop(journal);
    assert_in_order(&verify(folder.path(), &keys.wanted()).unwrap());
}
