//! Attributes: the values of a call that a policy reads.

/// Which part of a call an attribute is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The tool's name; has no keys below it.
    Tool,
    /// The arguments, which the model controls.
    Args,
    /// The caller, from the host.
    Agent,
    /// What the call is about, from the host.
    Resource,
    /// Everything else that the host knows.
    Context,
}

/// A value of a call that a policy reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    /// The part of the call.
    pub root: Root,
    /// How to get from the part to the value; empty only for [`Root::Tool`] itself.
    pub steps: Vec<Step>,
}

/// A step on the way to an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key of an object.
    Key(String),
    /// To each element of a list.
    Element,
    /// To something that can be read off a value.
    Facet(Facet),
}

/// What can be read off a value. Where a value does not have it, it is of a wrong type: tests on it are unknown. The
/// facet of what is missing, null, open or withheld is so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// The number of code points of a string, as a number. The `length` operator is tests on it.
    Length,
    /// The number of elements of a list, as a number. The `count` operator is tests on it.
    Count,
    /// The scheme of a URL, in lower case.
    Scheme,
    /// The host of a URL, in lower case.
    Host,
    /// The port of a URL, as a number; that of its scheme where the URL has none.
    Port,
    /// The path of a URL.
    UrlPath,
    /// Whether the host of a URL is a special address or name, such as loopback, private or metadata, as a boolean.
    Private,
    /// Whether a URL has a query or a fragment, as a boolean.
    Query,
    /// The domain of an e-mail address, in lower case.
    Domain,
    /// An absolute POSIX path without anything in it that would have to be resolved.
    Path,
    /// An absolute Windows path, likewise, in lower case and with `/` as the separator.
    WindowsPath,
    /// An IP address: `4:` or `6:` and its bits.
    Address,
    /// The arguments of a simple command, a list of strings: its words after the program.
    Words,
    /// The program of a simple command, its first word.
    Program,
    /// The words of a string in which single spaces separate them, a list of strings.
    Scope,
}

impl Facet {
    /// Every facet, and how messages call it.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::Length, "length"),
        (Self::Count, "count"),
        (Self::Scheme, "scheme"),
        (Self::Host, "host"),
        (Self::Port, "port"),
        (Self::UrlPath, "path"),
        (Self::Private, "privateness"),
        (Self::Query, "query"),
        (Self::Domain, "domain"),
        (Self::Path, "location"),
        (Self::WindowsPath, "Windows location"),
        (Self::Address, "address"),
        (Self::Words, "words"),
        (Self::Program, "program"),
        (Self::Scope, "word list"),
    ];

    /// How messages call it: `length of args.to`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(facet, _)| *facet == self).map_or("", |(_, name)| name)
    }
}

impl Attribute {
    /// The facet that it is, if it is one.
    #[must_use]
    pub fn facet(&self) -> Option<Facet> {
        match self.steps.last() {
            Some(Step::Facet(facet)) => Some(*facet),
            _ => None,
        }
    }

    /// The key that it ends in, if it ends in one.
    #[must_use]
    pub fn last_key(&self) -> Option<&str> {
        match self.steps.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The keys before the first other step.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Element | Step::Facet(_) => None,
        })
    }
}

impl Root {
    /// The part's key in a call.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Args => "args",
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Context => "context",
        }
    }
}

/// As an author writes it: `args.a.b`, `args["a-b"]`; elements as `args.items[].price`, facets as `length of args.a`.
impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for step in self.steps.iter().rev() {
            if let Step::Facet(facet) = step {
                write!(f, "{} of ", facet.name())?;
            }
        }
        f.write_str(self.root.name())?;
        for step in &self.steps {
            match step {
                Step::Key(key) if is_identifier(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
                Step::Element => f.write_str("[]")?,
                Step::Facet(_) => {}
            }
        }
        Ok(())
    }
}

fn is_identifier(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
