//! Every policy in `tests/diagnostics/` draws exactly the findings that stand beside it in its `.stderr` file.
//! `BLESS=1 cargo test -p perso-core --test diagnostics` writes those files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use perso_core::check::check;
use perso_core::diagnostic::{Code, Severity, Source};

fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// All findings as the `perso` command shows them.
fn shown(path: &Path) -> (String, BTreeSet<Code>) {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let checked = check(&text);
    let errors = checked.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(checked.policy.is_none(), errors, "{name}: a policy is there if and only if there is no error");
    let source = Source::new(name, &text);
    let shown: Vec<String> = checked.diagnostics.iter().map(|finding| source.render(finding, false)).collect();
    (format!("{}\n", shown.join("\n\n")), checked.diagnostics.iter().map(|finding| finding.code).collect())
}

#[test]
fn findings_are_as_recorded() {
    let mut wrong = Vec::new();
    for path in policies() {
        let expected = path.with_extension("stderr");
        let (actual, _) = shown(&path);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            wrong.push(format!("{}\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded:\n{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_finding_has_a_case() {
    let mut missing: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    for path in policies() {
        let (_, codes) = shown(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let own = Code::ALL.iter().filter(|code| name.starts_with(code.name())).max_by_key(|code| code.name().len());
        let own = own.unwrap_or_else(|| panic!("{name} begins with no kind of finding"));
        assert!(codes.contains(own), "{name} does not draw `{}`", own.name());
        missing.remove(own);
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}
