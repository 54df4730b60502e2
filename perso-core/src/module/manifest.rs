//! The manifest: what a module says about itself, as JSON in a section of its own.

use super::abi;
use crate::covers::Covers;
use serde::{Deserialize, Serialize};

/// The whole manifest. For people and tools; the engine reads only [`Names`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The module's ABI.
    pub abi: u32,
    /// The compiler that made it, with its version.
    pub compiler: String,
    /// SHA-256 of the policy's text, in hexadecimal; of one that extends others, of all texts with a line end between two.
    pub policy_sha256: String,
    /// The documents of a policy that extends others, in the order of its text, the main document last. Empty for any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// The policy's own description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What happens where no rule applies: `allow` or `deny`.
    pub default: String,
    /// The limits on a call, and on what can be compared.
    pub limits: Limits,
    /// The version of the time zone database that the policy's clocks were compiled from, if it has any: `2026a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zones: Option<String>,
    /// The attributes that the policy reads, as an author writes them. The ABI's attribute numbers index this list.
    pub attributes: Vec<String>,
    /// The rules. The ABI's rule numbers index this list.
    pub rules: Vec<Rule>,
    /// What has to be remembered of calls: limits, then labels. `perso_obligations` has indices of this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// The roles, each with all that it inherits.
    pub roles: Vec<Role>,
    /// Whether only the listed tools are known.
    pub closed: bool,
    /// What is judged, if not only calls of tools: `tools`, `resources`, `prompts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// The tools that the policy names, and the requests that it covers.
    pub tools: Vec<Tool>,
}

/// A document in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its path, relative to the main document, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The bytes of its text.
    pub bytes: u64,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
}

/// A rule in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// `allow`, `ask` or `deny`.
    pub effect: String,
}

/// What has to be remembered of a call, in a manifest: a limit that it counts towards, or labels of its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// Its id.
    pub id: Box<str>,
    /// The limit, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The labels, if it adds some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

/// Labels in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The attribute `session.id`, by its index.
    pub session: u32,
    /// The labels that the session gets.
    pub add: Vec<Box<str>>,
}

/// A limit in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The attributes that name the account, by their index.
    pub per: Vec<u32>,
    /// The attribute that is added up, by its index; without one, calls are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<u32>,
    /// The most that calls in a window may come to: a decimal below 10^18 with at most 18 digits after the point.
    pub max: Box<str>,
    /// Which calls count together.
    pub window: Window,
    /// Whether a person is asked about a call that does not fit. Otherwise it is denied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks: bool,
    /// The reason for a caller whose call does not fit.
    pub reason: Box<str>,
}

/// Which calls count together, in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Those of the last so many seconds.
    Last(u64),
    /// Those of the same period of the calendar.
    Calendar {
        /// `hour`, `day`, `week` or `month`.
        period: Box<str>,
        /// The time zone in which it begins.
        zone: Box<str>,
    },
    /// Those of the same session.
    Session,
}

/// A role in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Itself and all roles that it inherits from.
    pub includes: Vec<String>,
}

/// A tool in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The rules that can apply to it, by their index.
    pub rules: Vec<u32>,
    /// The attributes that those read, by their index.
    pub reads: Vec<u32>,
}

/// The active limits: see [`perso_decode::limits`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a call's text.
    pub input_bytes: u64,
    /// Levels of nesting.
    pub depth: u64,
    /// Elements of a list that is looked into.
    pub list_length: u64,
    /// Bytes of a tool's name.
    pub tool_bytes: u64,
    /// Significant digits of a number.
    pub number_digits: u64,
    /// The largest decimal exponent, and the smallest negated.
    pub number_exponent: u64,
}

impl Limits {
    /// Those of this version.
    #[must_use]
    pub fn current() -> Self {
        use perso_decode::limits;
        Self {
            input_bytes: limits::INPUT_BYTES as u64,
            depth: u64::from(limits::DEPTH),
            list_length: limits::LIST_LENGTH,
            tool_bytes: limits::TOOL_BYTES as u64,
            number_digits: u64::from(limits::NUMBER_DIGITS),
            number_exponent: limits::NUMBER_EXPONENT.unsigned_abs(),
        }
    }
}

/// What the engine needs of a manifest: the rest is skipped, so that large policies load fast.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Names {
    /// The module's ABI.
    pub abi: u32,
    /// See [`Manifest::attributes`].
    pub attributes: Vec<Box<str>>,
    /// See [`Manifest::rules`].
    pub rules: Vec<RuleNames>,
    /// See [`Manifest::obligations`].
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    /// See [`Manifest::covers`].
    #[serde(default)]
    pub covers: Vec<Box<str>>,
}

impl Names {
    /// Whether the policy reads `context.now`, or something off it (`… of context.now`).
    #[must_use]
    pub fn read_time(&self) -> bool {
        let is_time = |attribute: &str| attribute == "context.now" || attribute.ends_with(" of context.now");
        self.attributes.iter().any(|attribute| is_time(attribute))
    }

    /// What the policy covers; `None` if this version does not know it, or if the ABI is not the one for it.
    #[must_use]
    pub fn covered(&self) -> Option<Covers> {
        let mut covers = Covers::NOTHING;
        let is_known = self.covers.iter().all(|word| covers.add(word));
        Some(covers).filter(|covers| is_known && abi::version(*covers, !self.obligations.is_empty()) == self.abi)
    }
}

/// What the engine needs of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RuleNames {
    /// Its id.
    pub id: Box<str>,
}
