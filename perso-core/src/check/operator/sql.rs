//! `sql`: the string is one statement of SQL, as a dialect reads it, and what it reads, calls and changes is tested.

use super::super::scope::{Scope, Subject, all_of};
use super::{Operator, Use, members, name, operators, refuse_on_name, test};
use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::policy::{Condition, Dialect, Facet, StatementField, Step, Value};
use crate::span::Span;
use crate::syntax::did_you_mean;
use crate::syntax::document::{first_of, listed};
use crate::syntax::json::{Kind, Member, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "sql", takes_roles: false, meaning }];

const DIALECT: &str = "dialect";

/// What lists of names can be tested with.
const LIST_OPERATORS: [&str; 4] = ["every", "some", "has", "count"];

/// What the limit can be tested with.
const LIMIT_OPERATORS: [&str; 8] = ["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"];

const STATEMENTS: [&str; 4] = ["select", "insert", "update", "delete"];

const EXAMPLE: &str =
    r#"{"sql": {"dialect": "sqlite", "statement": "select", "tables": {"every": {"in": ["orders"]}}}}"#;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "an object", EXAMPLE)?;
    let is_known = are_known(scope, members);
    let Some(dialect) = members.iter().find(|member| member.key.value == DIALECT) else {
        let help = format!("expected one of {}", listed(&Dialect::ALL.map(Dialect::name)));
        scope.error(Code::MissingKey, first_of(used.operand), "missing key `dialect` in `sql`", Some(help));
        return None;
    };
    if members.len() == 1 {
        let help = "test `statement`, `tables`, `functions`, `columns` or `limit`".to_owned();
        scope.error(Code::Empty, used.operand.span, "`sql` tests nothing of the statement", Some(help));
        return None;
    }
    let statement = used.subject.facet(Facet::Sql(self::dialect(scope, &dialect.value)?));
    let fields = members.iter().filter_map(|member| Some((member, field_of(&member.key.value)?)));
    let parts: Vec<_> = fields
        .map(|(member, field)| {
            let subject = statement.below([Step::Facet(Facet::Statement(field))], member.key.span);
            tested(scope, &subject, field, member)
        })
        .collect();
    parts.into_iter().collect::<Option<Vec<_>>>().filter(|_| is_known).map(all_of)
}

fn field_of(key: &str) -> Option<StatementField> {
    StatementField::ALL.into_iter().find(|field| field.name() == key)
}

/// Reports unknown keys, and those that a definition has brought again; whether there are none.
fn are_known(scope: &mut Scope<'_>, members: &[Member<'_>]) -> bool {
    let mut good = true;
    for (at, Member { key, .. }) in members.iter().enumerate() {
        if let Some(first) = members.iter().take(at).find(|first| first.key.value == key.value) {
            let message = format!("duplicate key {} in `sql`", quoted(&key.value));
            let error = Diagnostic::new(Code::Duplicate, key.span, message).label(first.key.span, "first used here");
            scope.diagnostics.push(error.help("write one of them, or test the statement twice with `all`"));
            good = false;
        }
        if key.value != DIALECT && field_of(&key.value).is_none() {
            let mut known = vec![DIALECT];
            known.extend(StatementField::ALL.map(StatementField::name));
            let help = did_you_mean(&key.value, known.iter().copied());
            let help = help.unwrap_or_else(|| format!("expected one of {}", listed(&known)));
            scope.error(Code::UnknownKey, key.span, format!("unknown key {}", quoted(&key.value)), Some(help));
            good = false;
        }
    }
    good
}

fn dialect(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Dialect> {
    let names = Dialect::ALL.map(Dialect::name);
    let expected = || format!("expected one of {}", listed(&names));
    let Kind::String(text) = &node.kind else {
        let message = format!("`dialect` expects the name of a dialect, found {}", node.describe());
        scope.error(Code::Operand, first_of(node), message, Some(expected()));
        return None;
    };
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == text.as_ref());
    if dialect.is_none() {
        let other = match text.to_ascii_lowercase().as_str() {
            "postgresql" | "pg" => Some("postgres"),
            "sqlite3" => Some("sqlite"),
            "mariadb" => Some("mysql"),
            _ => None,
        };
        let help = other.map(|other| format!("did you mean `{other}`?")).or_else(|| did_you_mean(text, names));
        let message = format!("unknown dialect {}", quoted(text));
        scope.error(Code::Operand, node.span, message, Some(help.unwrap_or_else(expected)));
    }
    dialect
}

/// A test of a field.
fn tested(
    scope: &mut Scope<'_>,
    subject: &Subject,
    field: StatementField,
    Member { key, value }: &Member<'_>,
) -> Option<Condition> {
    match (field, &value.kind) {
        (StatementField::Statement, _) => {
            let statements = statements(scope, value)?;
            Some(scope.test(subject, name::one_of(statements)?, key.span))
        }
        (StatementField::Limit, Kind::Object(members)) if !members.is_empty() => {
            operators(scope, subject, value, members, Some(&LIMIT_OPERATORS))
        }
        (StatementField::Limit, _) => test(scope, subject, value),
        (_, Kind::Object(members)) => operators(scope, subject, value, members, Some(&LIST_OPERATORS)),
        _ => {
            let message = format!("`{}` expects an object of tests, found {}", key.value, value.describe());
            let help = format!(r#"for example, `{{"{}": {{"every": {{"in": ["a", "b"]}}}}}}`"#, key.value);
            scope.error(Code::Operand, first_of(value), message, Some(help));
            None
        }
    }
}

fn statements(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Vec<Value>> {
    let texts = scope.texts("statement", "the name of a statement", node)?;
    let mut statements = Vec::with_capacity(texts.len());
    for text in &texts {
        if STATEMENTS.contains(&text.value) {
            statements.push(Value::String(text.value.to_owned()));
        } else {
            unknown_statement(scope, text.value, text.span);
        }
    }
    (statements.len() == texts.len()).then_some(statements)
}

fn unknown_statement(scope: &mut Scope<'_>, name: &str, span: Span) {
    let help = did_you_mean(&name.to_ascii_lowercase(), STATEMENTS);
    let help = help.unwrap_or_else(|| format!("expected one of {}; no other statement is read", listed(&STATEMENTS)));
    scope.error(Code::Operand, span, format!("unknown statement {}", quoted(name)), Some(help));
}
