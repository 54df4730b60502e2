//! Errors and warnings about a policy, with help for fixing them.
//!
//! A [`Diagnostic`] names a place in the policy text, or in the texts of a policy that [extends](crate::Documents) others.
//! [`Source`] turns it into text for people, with the line underlined, or into a record for programs.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde::Serialize;

use crate::documents::Documents;
use crate::span::Span;
use crate::visible::visible;

/// The most errors, the most warnings, and the most notes, that one policy draws.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// One finding about a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// Which kind of finding.
    pub code: Code,
    /// One line: what is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
}

/// Another place that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy is valid, but likely not what its author means.
    Warning,
    /// What is worth knowing, and may be just what is meant.
    Note,
}

macro_rules! codes {
    ($($severity:ident $name:ident $text:literal $doc:literal,)*) => {
        /// The kinds of findings. Their names are stable: programs may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
pub enum Code {
            $(#[doc = $doc] $name,)*
        }

        impl Code {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable name, as in `error[unknown-key]`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether findings of this kind refuse the policy.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    Error Json "json" "The text is not valid JSON.",
    Error Limit "limit" "The policy exceeds a limit.",
    Error Version "version" "`perso` is not a known version.",
    Error WrongType "wrong-type" "A value has the wrong JSON type.",
    Error UnknownKey "unknown-key" "An unknown key.",
    Error MissingKey "missing-key" "A required key is missing.",
    Error Duplicate "duplicate" "A duplicate key, id, name or type.",
    Error Empty "empty" "An empty list, object or name.",
    Error Name "name" "A name, id or reason contains a character that is not allowed.",
    Error Effect "effect" "A rule both allows and denies, or its effect is neither.",
    Error UnknownRole "unknown-role" "A role that is not in the table of roles.",
    Error RoleCycle "role-cycle" "A role inherits from itself.",
    Error UnmatchedTool "unmatched-tool" "A tool pattern that matches none of the listed tools.",
    Error Attribute "attribute" "An attribute path that is not valid.",
    Error UnknownOperator "unknown-operator" "An operator that does not exist.",
    Error Operand "operand" "An operator with an invalid operand, or on an attribute that it cannot test.",
    Error UnknownType "unknown-type" "A type name that does not exist.",
    Error UnknownDefinition "unknown-definition" "A definition that does not exist.",
    Error DefinitionCycle "definition-cycle" "A definition uses itself.",
    Error Extends "extends" "A document that `extends` names cannot be used.",
    Error ExtendsCycle "extends-cycle" "A document extends itself.",
    Error Conflict "conflict" "Two documents of a policy contradict each other.",
    Error Covers "covers" "A word of `covers` that does not exist.",
    Error UncoveredRequest "uncovered-request" "A rule about a request that the policy does not cover, or a tool with the name of a request.",
    Error Example "example" "An example of a rule gets another decision than it states.",
    Error Guarantee "guarantee" "A call breaks a guarantee of the policy.",
    Error Module "module" "The module that the policy was compiled to cannot be loaded.",
    Warning NeverApplies "never-applies" "A rule that can never apply.",
    Warning Overridden "overridden" "An allow rule that a deny rule always overrides.",
    Warning Covered "covered" "A rule that another rule always covers.",
    Warning Contradiction "contradiction" "Tests that can never all be true.",
    Warning DenyList "deny-list" "A deny list on a string that the model chooses.",
    Warning AllowsNothing "allows-nothing" "A policy without allow rules: every call is denied.",
    Warning DeniesWithout "denies-without" "A deny rule for many tools that also denies those without the argument that it tests.",
    Warning UnallowedLimit "unallowed-limit" "A limit or a label about tools that no rule allows.",
    Warning UnboundedSum "unbounded-sum" "A limit that a single call can use up, because a rule does not test the amount.",
    Warning UnknownLabel "unknown-label" "A test of a label that no label of the policy adds.",
    Warning UncheckedArguments "unchecked-arguments" "A command whose arguments are not all tested.",
    Warning UncheckedSql "unchecked-sql" "A statement of SQL that may read any table or call any function.",
    Warning UncheckedShell "unchecked-shell" "A shell line of which a rule allows more than it tests.",
    Warning AnyOrder "any-order" "A list whose elements may appear in any order, and repeat.",
    Warning AnyString "any-string" "An allow rule that any string of the call can satisfy.",
    Warning AnyHost "any-host" "A URL that may have any host.",
    Warning UnlistedKey "unlisted-key" "A test of a key that `only` does not list.",
    Warning PathPrefix "path-prefix" "The beginning of a path or a URI, which is also that of others.",
    Warning PartOfWord "part-of-word" "A word that also matches inside longer words.",
    Warning DefaultAllow "default-allow" "Calls that no rule applies to are allowed.",
    Warning CaseVariant "case-variant" "Two attributes differ only by case.",
    Warning Replaced "replaced" "A legacy rule that a later one replaces.",
    Warning Overlap "overlap" "Legacy rules whose patterns share tools, each of which now allows.",
    Warning Stricter "stricter" "A legacy test that a missing attribute passed, and no longer does.",
    Warning Presence "presence" "A legacy test for presence of what is likely a boolean.",
    Warning Undecided "undecided" "A guarantee of which it cannot be found out whether a call breaks it.",
    Warning Unproved "unproved" "Guarantees that were not proved, because the compiler was asked not to.",
    Warning Uncovered "uncovered" "A part of the policy that no test case covers.",
    Warning Unnoticed "unnoticed" "A change of the policy that no test case notices.",
    Warning UnallowedRequest "unallowed-request" "Resources or prompts that the policy covers, and that no rule allows.",
    Warning UnusedRole "unused-role" "A role that no rule uses.",
    Warning UnusedDefinition "unused-definition" "A definition that no rule uses.",
    Warning UnusedTool "unused-tool" "A tool that no rule applies to.",
    Error MissingTool "missing-tool" "A rule about a tool that the server does not have.",
    Error LeftOut "left-out" "A tool that is left out on purpose, and is not there, or is let through by a rule.",
    Error UnknownArgument "unknown-argument" "A test of an argument that the tool does not take.",
    Error ArgumentType "argument-type" "A test of an argument that has another type.",
    Error ArgumentValue "argument-value" "A test that no valid value of an argument passes.",
    Error ChangedTool "changed-tool" "A tool that has changed since it was approved, or is new and let through.",
    Warning UnknownValue "unknown-value" "A listed value that an argument never has.",
    Warning IdlePattern "idle-pattern" "A pattern that matches no tool of the server.",
    Warning UnjudgedTool "unjudged-tool" "A tool that no rule is about, and that the default allows.",
    Warning OpenArgument "open-argument" "An argument that looks dangerous, and that an allow rule leaves open.",
    Warning NewTool "new-tool" "A tool that is new since the tools were approved, and that no rule lets through.",
    Warning GoneTool "gone-tool" "A tool that was approved, and is no longer there.",
    Note DeniedTool "denied-tool" "A tool that no rule is about, and that is denied.",
    Note OptionalArgument "optional-argument" "A rule that needs an argument which calls may leave out.",
    Note OtherArguments "other-arguments" "An allow rule that tests some arguments, and lets any others through.",
}

impl Code {
    /// Whether findings of this kind are about the tools of a server, not about the policy by itself.
    #[must_use]
    pub fn is_about_tools(self) -> bool {
        self >= Self::MissingTool
    }
}

impl Diagnostic {
    /// A finding; its severity follows from its kind.
    #[must_use]
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: code.severity(), code, message, span, help: None, labels: Vec::new() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, where there is something.
    #[must_use]
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The same finding in a longer text, in which this one's text begins at a byte.
    #[must_use]
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.shifted(by);
        for label in &mut self.labels {
            label.span = label.span.shifted(by);
        }
        self
    }

    /// Adds another place.
    #[must_use]
    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }
}

/// Collects findings, up to [`MAX_DIAGNOSTICS`] of each severity.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Diagnostics {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        };
        *count += 1;
        if *count <= MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether further errors would be dropped.
    pub(crate) fn is_full_of_errors(&self) -> bool {
        self.errors >= MAX_DIAGNOSTICS
    }

    /// Whether further warnings would be dropped.
    pub(crate) fn is_full_of_warnings(&self) -> bool {
        self.warnings >= MAX_DIAGNOSTICS
    }

    /// The findings, in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
        // What is wrong in a definition is found at each use.
        self.list.dedup();
        if self.errors > MAX_DIAGNOSTICS {
            let message = format!("{} errors; only the first {MAX_DIAGNOSTICS} found are shown", self.errors);
            let span = self.list.last().map(|last| last.span).unwrap_or_default();
            self.list.push(Diagnostic::new(Code::Limit, span, message));
        }
        self.list
    }
}

/// The user's text in backticks, shortened where it is long, with [invisible characters](visible) escaped.
pub(crate) fn quoted(text: &str) -> String {
    const MAX: usize = 60;
    match text.char_indices().nth(MAX) {
        Some((cut, _)) => format!("`{}…`", visible(text.get(..cut).unwrap_or_default())),
        None => format!("`{}`", visible(text)),
    }
}

/// The texts of a policy and their names, to show findings with.
#[derive(Debug)]
pub struct Source<'a> {
    first: Named<'a>,
    /// The texts behind the first, in order.
    others: Vec<Named<'a>>,
}

/// One text, and its name.
#[derive(Debug)]
struct Named<'a> {
    name: Cow<'a, str>,
    /// The name as people are shown it, without control characters.
    shown_name: String,
    text: &'a str,
    /// Where it begins in the texts of all.
    start: usize,
    /// Where each line begins in it.
    lines: Vec<usize>,
}

/// A finding as a record for programs. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Record<'a> {
    /// `"error"`, `"warning"` or `"note"`.
    pub severity: Severity,
    /// [`Code::name`].
    pub code: &'static str,
    /// One line: what is wrong.
    pub message: &'a str,
    /// The name of the source.
    pub file: &'a str,
    /// Where it begins.
    pub line: usize,
    /// Where it begins.
    pub column: usize,
    /// Where it ends.
    pub end_line: usize,
    /// Where it ends.
    pub end_column: usize,
    /// What to do about it.
    pub help: Option<&'a str>,
}

/// Of a longer line, only a part is given to the renderer.
const HUGE_LINE: usize = 8192;

impl<'a> Source<'a> {
    /// A policy text; `name` is the file's, or what stands for it.
    #[must_use]
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { first: Named::new(Cow::Borrowed(name), text, 0), others: Vec::new() }
    }

    /// The texts of a policy; `name` is the file's of the main document, or what stands for it. Other documents are named
    /// relative to it: with `teams/mail.json`, the document `org.json` is `teams/org.json`.
    ///
    /// ```
    /// use perso_core::{ResolveError, compile_with, diagnostic::Source};
    ///
    /// let org = |_: &str| Ok::<_, ResolveError>(r#"{ "perso": 1, "rule": [] }"#.to_owned());
    /// let error = compile_with(r#"{ "perso": 1, "extends": "org.json", "rules": [] }"#, &org).unwrap_err();
    /// let source = Source::of("teams/mail.json", &error.documents);
    /// assert_eq!(source.record(&error.diagnostics[0]).file, "teams/org.json");
    /// ```
    #[must_use]
    pub fn of(name: &'a str, documents: &'a Documents) -> Self {
        let folder = name.rfind(['/', std::path::MAIN_SEPARATOR]).and_then(|at| name.get(..=at)).unwrap_or_default();
        let mut named = documents.places().map(|(start, document)| {
            let name = document.path.map_or(Cow::Borrowed(name), |path| Cow::Owned(format!("{folder}{path}")));
            Named::new(name, document.text, start)
        });
        let first = named.next().unwrap_or_else(|| Named::new(Cow::Borrowed(name), "", 0));
        Self { first, others: named.collect() }
    }

    /// The document that a byte is in, and the byte's place there.
    fn at(&self, offset: usize) -> (&Named<'a>, usize) {
        let before = self.others.partition_point(|named| named.start <= offset);
        let named = before.checked_sub(1).and_then(|last| self.others.get(last)).unwrap_or(&self.first);
        (named, offset.saturating_sub(named.start))
    }

    /// Line and column of a byte in its document, counted from 1; the column in characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let (named, offset) = self.at(offset);
        named.position(offset)
    }

    /// The finding for people: message, file, line and column, the line with the place underlined, help.
    /// `color` writes ANSI escape sequences.
    ///
    /// ```
    /// use perso_core::check::check;
    /// use perso_core::diagnostic::Source;
    ///
    /// let text = r#"{ "perso": 1, "rule": [] }"#;
    /// let checked = check(text);
    /// let shown = Source::new("policy.json", text).render(&checked.diagnostics[1], false);
    /// assert!(shown.starts_with("error[unknown-key]: unknown key `rule`\n --> policy.json:1:15\n"));
    /// assert!(shown.contains("did you mean `rules`?"));
    /// ```
    #[must_use]
    pub fn render(&self, diagnostic: &Diagnostic, color: bool) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let (document, _) = self.at(diagnostic.span.start);
        let own = |span: Span| Span {
            start: span.start.saturating_sub(document.start),
            end: span.end.saturating_sub(document.start),
        };
        let span = own(diagnostic.span);
        let line = document.line_of(span.start).0;
        // Those in the same line are shown with it.
        let is_near = |label: &&Label| {
            std::ptr::eq(self.at(label.span.start).0, document) && document.line_of(own(label.span).start).0 == line
        };
        let (near, far): (Vec<&Label>, Vec<&Label>) = diagnostic.labels.iter().partition(is_near);
        let near: Vec<(Span, &str)> = near.into_iter().map(|label| (own(label.span), label.text.as_str())).collect();
        let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code.name()));
        group = document.place(group, span, AnnotationKind::Primary, None, &near);
        for label in far {
            let (document, start) = self.at(label.span.start);
            let span = Span { start, end: label.span.end.saturating_sub(document.start) };
            group = document.place(group, span, AnnotationKind::Context, Some(&label.text), &[]);
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// The finding as a record for programs.
    #[must_use]
    pub fn record<'s>(&'s self, diagnostic: &'s Diagnostic) -> Record<'s> {
        let (document, start) = self.at(diagnostic.span.start);
        let (line, column) = document.position(start);
        let end = diagnostic.span.end.max(diagnostic.span.start).saturating_sub(document.start);
        let (end_line, end_column) = document.position(end);
        Record {
            severity: diagnostic.severity,
            code: diagnostic.code.name(),
            message: &diagnostic.message,
            file: &document.name,
            line,
            column,
            end_line,
            end_column,
            help: diagnostic.help.as_deref(),
        }
    }
}

impl<'a> Named<'a> {
    fn new(name: Cow<'a, str>, text: &'a str, start: usize) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let shown_name = normalize_untrusted_str(&name);
        Self { name, shown_name, text, start, lines }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let (line, start, _) = self.line_of(offset);
        let before = self.text.get(start..self.floor(offset)).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// Adds the line with a place underlined, and those of `others` that are in the same line. Only that line is given
    /// to the renderer, and of a huge line only a part, so that a finding costs the same in a large document.
    fn place<'g>(
        &'g self,
        group: Group<'g>,
        span: Span,
        kind: AnnotationKind,
        label: Option<&'g str>,
        others: &[(Span, &'g str)],
    ) -> Group<'g> {
        let (line, line_start, line_end) = self.line_of(span.start);
        let huge = line_end - line_start > HUGE_LINE;
        let (start, end) = if huge {
            let start = self.floor(span.start.saturating_sub(HUGE_LINE / 8)).max(line_start);
            (start, self.floor(start + HUGE_LINE / 4).min(line_end))
        } else {
            (line_start, line_end)
        };
        let within = |span: Span| {
            let from = self.floor(span.start).clamp(start, end);
            from - start..self.floor(span.end).clamp(from, end) - start
        };
        let mut snippet = Snippet::source(self.text.get(start..end).unwrap_or_default()).line_start(line);
        let group = if huge {
            // The renderer would count the column from where the part begins.
            let (_, column) = self.position(span.start);
            group.element(Origin::path(&self.shown_name).line(line).char_column(column))
        } else {
            snippet = snippet.path(&self.shown_name);
            group
        };
        snippet = snippet.annotation(kind.span(within(span)).label(label));
        for (other, text) in others.iter().filter(|(other, _)| (start..=end).contains(&other.start)) {
            snippet = snippet.annotation(AnnotationKind::Context.span(within(*other)).label(*text));
        }
        group.element(snippet)
    }

    /// The number of the line that a byte is in, and where the line begins and ends.
    fn line_of(&self, offset: usize) -> (usize, usize, usize) {
        let number = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(number - 1).copied().unwrap_or_default();
        let end = self.lines.get(number).map_or(self.text.len(), |next| next - 1);
        let line = self.text.get(start..end).unwrap_or_default();
        (number, start, start + line.trim_end_matches('\r').len())
    }

    /// The nearest character boundary at or before a byte.
    fn floor(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default()
    }
}
