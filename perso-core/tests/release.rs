//! Signed modules: who has signed what, and what is done with damaged ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "it is a test"
)]
#![cfg(feature = "release")]

use perso_core::release::{self, Release, ReleaseError, Signed, Signer, Verifier};
use perso_core::{Policy, module};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const POLICY: &str =
    r#"{ "perso": 1, "rules": [{ "id": "add", "allow": "add", "when": { "args.a": { "lte": 100 } } }] }"#;

struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(name))
                .status();
            assert!(made.expect("this test needs `ssh-keygen`: `make journal` installs it").success());
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn signer(&self, name: &str) -> Signer {
        Signer::read(&self.path(name)).unwrap()
    }

    fn verifier(&self, name: &str) -> Verifier {
        Verifier::read(&self.path(&format!("{name}.pub"))).unwrap()
    }
}

fn module() -> Vec<u8> {
    Policy::compile(POLICY).unwrap().module().to_vec()
}

fn release(number: u64) -> Release {
    Release { name: "team/adders".to_owned(), number }
}

#[test]
fn a_signed_module_is_the_module_and_its_release() {
    let (keys, plain) = (Keys::new(), module());
    let signed = release::sign(&plain, &release(12), &keys.signer("one")).unwrap();
    let read = Signed::read(&signed).unwrap();
    assert_eq!(read.module, plain);
    assert_eq!(read.verify(&keys.verifier("one")).unwrap(), &release(12));
    assert!(matches!(read.verify(&keys.verifier("two")), Err(ReleaseError::NotAccepted)));
    assert!(matches!(Signed::read(&plain).unwrap().verify(&keys.verifier("one")), Err(ReleaseError::Unsigned)));
    // Engines take it as it is, and it is the same policy.
    let policy = Policy::from_module(signed.clone()).unwrap();
    assert_eq!(policy.sha256(), module::hex(&module::sha256(&plain)));
    fs::write(keys.path("policy.wasm"), signed).unwrap();
    assert_eq!(Policy::load(keys.path("policy.wasm")).unwrap().module(), plain);
}

#[test]
fn keys_can_be_rotated() {
    let (keys, plain) = (Keys::new(), module());
    let once = release::sign(&plain, &release(12), &keys.signer("one")).unwrap();
    let twice = release::sign(&once, &release(12), &keys.signer("two")).unwrap();
    assert_eq!(release::sign(&twice, &release(12), &keys.signer("two")).unwrap(), twice);
    let read = Signed::read(&twice).unwrap();
    for name in ["one", "two"] {
        assert!(read.verify(&keys.verifier(name)).is_ok(), "{name}");
    }
    // Another release has its own signatures.
    let next = release::sign(&twice, &release(13), &keys.signer("two")).unwrap();
    let read = Signed::read(&next).unwrap();
    assert_eq!((read.release.clone(), read.signatures().len()), (Some(release(13)), 1));
    assert!(read.verify(&keys.verifier("one")).is_err());
    // A file can have several keys.
    let both = [fs::read(keys.path("one.pub")).unwrap(), fs::read(keys.path("two.pub")).unwrap()].concat();
    fs::write(keys.path("both.pub"), both).unwrap();
    assert!(read.verify(&keys.verifier("both")).is_ok());
}

#[test]
fn ssh_keygen_verifies_the_signature() {
    let (keys, plain) = (Keys::new(), module());
    let signed = release::sign(&plain, &release(12), &keys.signer("one")).unwrap();
    let read = Signed::read(&signed).unwrap();
    let public = fs::read_to_string(keys.path("one.pub")).unwrap();
    fs::write(keys.path("allowed"), format!("perso {public}")).unwrap();
    fs::write(keys.path("signature"), &read.signatures()[0]).unwrap();
    let verifies = |message: &str| {
        fs::write(keys.path("message"), message).unwrap();
        let mut verify = Command::new("ssh-keygen");
        verify.args(["-Y", "verify", "-f", "allowed", "-I", "perso", "-n", release::NAMESPACE, "-s", "signature"]);
        verify.current_dir(keys.0.path()).stdin(fs::File::open(keys.path("message")).unwrap());
        verify.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    let message = read.release.as_ref().unwrap().message(read.module);
    assert!(verifies(&message));
    assert!(!verifies(&message.replace("number 12", "number 13")));
}

#[test]
fn no_changed_byte_is_accepted() {
    let (keys, plain) = (Keys::new(), module());
    let signed = release::sign(&plain, &release(12), &keys.signer("one")).unwrap();
    let verifier = keys.verifier("one");
    let accepted = |bytes: &[u8]| Signed::read(bytes).is_ok_and(|read| read.verify(&verifier).is_ok());
    assert!(accepted(&signed));
    for at in (0..plain.len()).step_by(23).chain(plain.len()..signed.len()) {
        for bit in [1, 0x20, 0x80] {
            let mut changed = signed.clone();
            changed[at] ^= bit;
            // A letter of Base64 can end in bits that count for nothing: then what is read is the same.
            let is_same =
                Signed::read(&changed).is_ok_and(|read| read.module == plain && read.release == Some(release(12)));
            assert!(!accepted(&changed) || is_same, "byte {at} is another");
        }
    }
    for length in (0..signed.len()).step_by(11) {
        assert!(!accepted(&signed[..length]), "{length} bytes");
    }
}

#[test]
fn hostile_sections_are_refused() {
    let (keys, plain) = (Keys::new(), module());
    let verifier = keys.verifier("one");
    let signed = release::sign(&plain, &release(12), &keys.signer("one")).unwrap();
    let section = &signed[plain.len()..];
    let why = |bytes: &[u8]| match Signed::read(bytes).and_then(|read| read.verify(&verifier).cloned()) {
        Ok(release) => panic!("{release:?} is accepted"),
        Err(error) => error.to_string(),
    };
    assert!(why(&[&*signed, section].concat()).contains("twice"));
    let another = module::signatures::join(&signed, b"{}");
    assert!(why(&another).contains("twice"));
    let behind = [&*signed, &[0, 4, 3, b'a', b'b', b'c']].concat();
    assert!(why(&behind).contains("not at the end"));
    for content in [&b""[..], b"{}", b"null", b"\xff", br#"{"name":"a","number":1,"signatures":[],"more":1}"#] {
        assert!(why(&module::signatures::join(&plain, content)).contains("not what `perso sign` writes"));
    }
    let long = module::signatures::join(&plain, &vec![b' '; 70_000]);
    assert!(why(&long).contains("too long"));
    let name = module::signatures::join(&plain, br#"{"name":"a\nnumber 13","number":1,"signatures":[]}"#);
    assert!(why(&name).contains("name"));
    let many = format!(r#"{{"name":"a","number":1,"signatures":[{}]}}"#, vec![r#""""#; 17].join(","));
    assert!(why(&module::signatures::join(&plain, many.as_bytes())).contains("too many"));
    // A signature of something else, and a key that is no key.
    let other = r#"{"name":"team/adders","number":12,"signatures":["-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----"]}"#;
    assert!(why(&module::signatures::join(&plain, other.as_bytes())).contains("none of the accepted keys"));
    assert!(matches!(Signed::read(b"{}"), Err(ReleaseError::NoModule)));
    assert!(Signer::read(&keys.path("one.pub")).is_err());
    assert!(Verifier::read(Path::new("/nowhere")).is_err());
    // The same module under another name, or with another number, has to be signed again.
    let begin = section.iter().position(|byte| *byte == b'{').unwrap();
    let content = std::str::from_utf8(&section[begin..]).unwrap();
    for (from, to) in [("\"number\":12", "\"number\":13"), ("team/adders", "team/others")] {
        let forged = module::signatures::join(&plain, content.replace(from, to).as_bytes());
        assert!(why(&forged).contains("none of the accepted keys"), "{to}");
    }
}

#[test]
fn names_are_plain() {
    let (keys, plain) = (Keys::new(), module());
    for name in ["", "a b", "a\nb", "\u{e4}", &"a".repeat(201)] {
        let release = Release { name: name.to_owned(), number: 1 };
        assert!(matches!(release::sign(&plain, &release, &keys.signer("one")), Err(ReleaseError::Name)), "{name}");
    }
    assert!(matches!(release::sign(b"\0asm", &release(1), &keys.signer("one")), Err(ReleaseError::NoModule)));
}
