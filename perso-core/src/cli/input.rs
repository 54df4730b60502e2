//! What is read: policies and calls, from files and standard input, never more of it than is needed.

use super::failure::Failure;
use super::output;
use super::progress::Progress;
use crate::analyze::Rules;
use crate::compile::{Guarantees, compile_as};
use crate::diagnostic::Source;
pub(crate) use crate::load::Document;
use crate::{CompileError, Compiled, Folder, Policy, limits};
use clap::Args;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Where the documents are that a policy extends.
#[derive(Debug, Args)]
pub(crate) struct Extended {
    /// Let `extends` read files below this folder, too, and not only below the policy's (repeatable)
    #[arg(long = "include", value_name = "DIR")]
    includes: Vec<PathBuf>,
}

impl Extended {
    /// The folders.
    pub(crate) fn includes(&self) -> &[PathBuf] {
        &self.includes
    }

    /// Compiles the text of the policy in a file.
    pub(crate) fn compile(&self, path: &Path, text: &str) -> Result<Result<Compiled, CompileError>, Failure> {
        let name = path.display();
        let progress = Progress::of(format!("compiling {name}"));
        let at = |at, of| progress.now(|| format!("compiling {name}: guarantee {at} of {of}"));
        Ok(compile_as(text, &self.folder(path)?, &Guarantees::Prove(&at)))
    }

    /// As [`compile`](Self::compile), without proving the guarantees.
    pub(crate) fn compile_unproved(&self, path: &Path, text: &str) -> Result<Result<Compiled, CompileError>, Failure> {
        let _progress = Progress::of(format!("compiling {}", path.display()));
        Ok(compile_as(text, &self.folder(path)?, &Guarantees::Skip))
    }

    /// Where the documents are that the policy in a file extends.
    pub(crate) fn folder(&self, path: &Path) -> Result<Folder, Failure> {
        let mut folder = Folder::of(path);
        for include in &self.includes {
            if !include.is_dir() {
                return Err(Failure::because(format!("`--include {}`: there is no such folder", include.display())));
            }
            folder = folder.include(include);
        }
        Ok(folder)
    }
}

/// Loads a policy, after compiling it where it is not a module. Warnings are not shown: `perso compile` does that.
pub(crate) fn policy(path: &Path, extended: &Extended) -> Result<Policy, Failure> {
    let module = match Document::read(path)? {
        Document::Module(bytes) => bytes,
        Document::Text(text) => match extended.compile(path, &text)? {
            Ok(compiled) => compiled.module,
            Err(error) => {
                let name = path.display().to_string();
                output::findings(&Source::of(&name, &error.documents), &error.diagnostics)?;
                return Err(Failure::refused(path, "compiled", &error.diagnostics));
            }
        },
    };
    Policy::from_module(module).map_err(|error| Failure::module(path, &error))
}

/// The rules of the policy in a file, or in a module, from which a guarantee that does not hold does not keep it.
pub(crate) fn rules(path: &Path, extended: &Extended) -> Result<Rules, Failure> {
    let progress = Progress::of(format!("reading {}", path.display()));
    let rules = Rules::of_checked(Document::read(path)?.checked(&extended.folder(path)?)?);
    drop(progress);
    match rules {
        Ok(rules) => Ok(rules),
        Err(error) => {
            let name = path.display().to_string();
            output::findings(&Source::of(&name, &error.documents), &error.diagnostics)?;
            Err(Failure::refused(path, "checked", &error.diagnostics))
        }
    }
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if is_stdin(path) { Ok(Box::new(io::stdin().lock())) } else { Ok(Box::new(File::open(path)?)) }
}

/// One call. Of one that is too large, enough to find that out.
pub(crate) fn call(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = open(path).and_then(|file| file.take(limits::INPUT_BYTES as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::unreadable(path, &error))?;
    Ok(bytes)
}

/// A text of at most so many bytes.
pub(crate) fn text(path: &Path, most: usize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::unreadable(path, &error))?;
    if bytes.len() > most {
        return Err(Failure::file(path, format_args!("has more than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::file(path, format_args!("is no text: byte {at} is not valid UTF-8"))
    })
}

/// Calls, one a line.
pub(crate) struct Calls<'p> {
    path: &'p Path,
    reader: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
}

impl<'p> Calls<'p> {
    pub(crate) fn open(path: &'p Path) -> Result<Self, Failure> {
        let file = open(path).map_err(|error| Failure::unreadable(path, &error))?;
        Ok(Self { path, reader: BufReader::with_capacity(1 << 16, file), line: Vec::new() })
    }

    /// The next line that is not blank; of one that is too large, enough to find that out.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        loop {
            let more = self.read_line().map_err(|error| Failure::unreadable(self.path, &error))?;
            if !more {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() || self.line.len() > limits::INPUT_BYTES {
                return Ok(Some(&self.line));
            }
        }
    }

    /// Whether the next line, or a part of it, is there without waiting for it.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.reader.buffer().is_empty()
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        // Room for a line end behind the largest call.
        let most = limits::INPUT_BYTES as u64 + 2;
        if self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        if self.line.ends_with(b"\n") {
            self.line.pop();
            if self.line.ends_with(b"\r") {
                self.line.pop();
            }
        } else if self.line.len() as u64 == most {
            self.reader.skip_until(b'\n')?;
        }
        Ok(true)
    }
}
