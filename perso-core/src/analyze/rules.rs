//! What people ask about: the rules of a policy as they are written.

use serde::Serialize;

use super::claim::Answer;
use super::diff::{self, Differences};
use super::prove::prove_with;
use crate::check::{self, Checked};
use crate::documents::{Documents, Resolver};
use crate::engine;
use crate::error::CompileError;
use crate::module::ReadError;
use crate::policy::{Effect, Policy};

/// The rules of a policy and what it guarantees, to ask about.
#[derive(Debug)]
pub struct Rules {
    pub(crate) policy: Policy,
    pub(crate) guarantees: Option<Policy>,
    pub(crate) documents: Documents,
}

/// Why the rules of a policy that is loaded cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The policy's text cannot be read from its module.
    #[error(transparent)]
    Module(#[from] ReadError),
    /// The policy was compiled by another version of perso, and this version refuses it.
    #[error(transparent)]
    Refused(#[from] CompileError),
}

/// A guarantee, and whether it holds.
///
/// Serializes as `perso prove --format json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// The id of the guarantee.
    pub id: String,
    /// What it promises about the calls that it is about.
    pub promise: Promise,
    /// Whether it holds.
    #[serde(flatten)]
    pub proved: Proved,
}

/// What a guarantee promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// No call is let through: none is allowed, and none can be approved.
    NeverAllow,
    /// Every call is allowed, without being approved.
    AlwaysAllow,
}

/// Whether a guarantee holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Proved {
    /// It holds for every call that there can be.
    Holds,
    /// A call breaks it.
    Broken {
        /// The call as JSON text.
        call: String,
        /// What the policy decides about it, in words.
        decision: String,
    },
    /// Whether it holds is not known.
    Undecided {
        /// What is in the way, in words: mostly places of a call, whose tests are not understood.
        places: Vec<String>,
    },
}

impl Rules {
    /// Reads the rules of a policy's text, which need not keep what it guarantees. The resolver finds the documents that the
    /// policy extends.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the text is no valid policy.
    pub fn read(text: &str, resolver: &dyn Resolver) -> Result<Self, CompileError> {
        Self::of_checked(check::check_with(text, resolver))
    }

    /// Reads the rules of a policy that is loaded.
    ///
    /// # Errors
    ///
    /// [`RulesError`] if they cannot be read from its module.
    pub fn of(policy: &engine::Policy) -> Result<Self, RulesError> {
        Ok(Self::of_checked(check::check_module(policy.module())?)?)
    }

    pub(crate) fn of_checked(checked: Checked) -> Result<Self, CompileError> {
        let Checked { policy, guarantees, diagnostics, documents, .. } = checked;
        match policy {
            Some(policy) => Ok(Self { policy, guarantees, documents }),
            None => Err(CompileError { diagnostics, documents }),
        }
    }

    /// The texts of the policy, for [showing](crate::diagnostic::Source::of) where something is.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Whether these rules keep what a policy guarantees: for each guarantee of `of`, which can be `self`, a proof that it holds for
    /// every call, or a call that breaks it.
    ///
    /// ```
    /// use perso_core::analyze::{Proved, Rules};
    /// use std::collections::HashMap;
    ///
    /// let rules = Rules::read(
    ///     r#"{ "perso": 1,
    ///          "rules": [{ "id": "refund", "allow": "refund", "when": { "args.amount": { "lte": 500 } } }],
    ///          "guarantees": [{ "id": "small", "never_allow": "refund", "when": { "args.amount": { "gt": 100 } } }] }"#,
    ///     &HashMap::new(),
    /// )?;
    /// let proofs = rules.prove(&rules);
    /// assert!(matches!(&proofs[0].proved, Proved::Broken { call, .. } if call.contains("amount")));
    /// # Ok::<(), perso_core::CompileError>(())
    /// ```
    #[must_use]
    pub fn prove(&self, of: &Self) -> Vec<Proof> {
        self.prove_with(of, &|_, _| {})
    }

    /// As [`prove`](Self::prove). `progress` hears of each guarantee which it is, counted from 1, of how many.
    pub(crate) fn prove_with(&self, of: &Self, progress: &dyn Fn(usize, usize)) -> Vec<Proof> {
        let Some(guarantees) = &of.guarantees else { return Vec::new() };
        let proof = |(guarantee, answer): (&crate::policy::Rule, Answer)| Proof {
            id: guarantee.id.clone(),
            promise: if guarantee.effect == Effect::Deny { Promise::NeverAllow } else { Promise::AlwaysAllow },
            proved: match answer {
                Answer::Never => Proved::Holds,
                Answer::Call(witness) => {
                    let decision = self.decision(&witness.call);
                    Proved::Broken { call: witness.call, decision }
                }
                Answer::Undecided(places) => Proved::Undecided { places },
            },
        };
        guarantees.rules.iter().zip(prove_with(&self.policy, guarantees, progress)).map(proof).collect()
    }

    /// What a new version of these rules decides differently: not what differs in their texts, but each kind of call that gets
    /// another decision, with an example.
    ///
    /// ```
    /// use perso_core::analyze::Rules;
    /// use std::collections::HashMap;
    ///
    /// let rules = |most: u32| {
    ///     let rule = format!(r#"{{ "id": "small", "allow": "refund", "when": {{ "args.amount": {{ "lte": {most} }} }} }}"#);
    ///     Rules::read(&format!(r#"{{ "perso": 1, "rules": [{rule}] }}"#), &HashMap::new())
    /// };
    /// let differences = rules(500)?.diff(&rules(800)?);
    /// let change = &differences.changes[0];
    /// assert!(change.kind.is_wider());
    /// assert_eq!((change.kind.old.to_string(), change.kind.new.to_string()), ("deny".into(), "allow by `small`".into()));
    /// # Ok::<(), perso_core::CompileError>(())
    /// ```
    #[must_use]
    pub fn diff(&self, new: &Self) -> Differences {
        self.diff_with(new, &|_, _| {})
    }

    /// As [`diff`](Self::diff). `progress` hears of each tool which it is, counted from 1, of how many.
    pub(crate) fn diff_with(&self, new: &Self, progress: &dyn Fn(usize, usize)) -> Differences {
        diff::diff_with(&self.policy, &new.policy, progress)
    }

    /// What the policy decides about a call, in words: what `perso explain` says in its last line. Empty if the text is no call.
    #[must_use]
    pub fn decision(&self, call: &str) -> String {
        diff::conclusion(&self.policy, call).map(|conclusion| conclusion.to_string()).unwrap_or_default()
    }
}
