//! Values of the tree that is made.

use std::borrow::Cow;

use crate::span::Span;
use crate::syntax::Spanned;
use crate::syntax::json::{Kind, Member, Node};

pub(super) fn string<'n>(text: impl Into<Cow<'n, str>>, span: Span) -> Node<'n> {
    Node { span, kind: Kind::String(text.into()) }
}

pub(super) fn list(span: Span, elements: Vec<Node<'_>>) -> Node<'_> {
    Node { span, kind: Kind::List(elements) }
}

pub(super) fn member<'n>(key: impl Into<Cow<'n, str>>, span: Span, value: Node<'n>) -> Member<'n> {
    Member { key: Spanned { value: key.into(), span }, value }
}

/// An object of one key, which stands where the object does.
pub(super) fn single<'n>(key: impl Into<Cow<'n, str>>, span: Span, value: Node<'n>) -> Node<'n> {
    Node { span, kind: Kind::Object(vec![member(key, span, value)]) }
}
