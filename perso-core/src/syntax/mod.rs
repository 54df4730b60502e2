//! Stage 1: from text to a syntax tree.
//!
//! [`json`] reads the JSON; [`document`] finds a policy in it, as it is written and with every place kept. Nothing here
//! knows what a role, a path or an operator means.

pub(crate) mod document;
pub(crate) mod json;
mod near;
pub(crate) mod write;

pub(crate) use near::{did_you_mean, nearest};

use crate::span::Span;

/// Something and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}
