//! Statements of SQL: one that may read any table or call any function, and names that no statement has.

use super::super::grants::granting;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Dialect, Facet, Operand, Operator, Policy, Rule, StatementField, Step, Test, Value};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        open(policy, rule, diagnostics);
        rule.condition.each_test(&mut |test, _| never(policy, test, diagnostics));
    }
}

/// Statements that a rule permits without a look at all that they may read and call.
fn open(policy: &Policy, rule: &Rule, diagnostics: &mut Diagnostics) {
    let tests = granting(rule);
    let mut seen: Vec<(&Attribute, usize)> = Vec::new();
    for test in &tests {
        let Some((attribute, length, dialect)) = statement_of(policy, test) else { continue };
        let is_same = |(other, of): &(&Attribute, usize)| {
            *of == length && other.root == attribute.root && other.steps.get(..length) == attribute.steps.get(..length)
        };
        if seen.iter().any(is_same) {
            continue;
        }
        seen.push((attribute, length));
        let statement = attribute.steps.get(..length).unwrap_or_default();
        let is_open = |field| !is_closed(policy, &tests, attribute, statement, field);
        // In PostgreSQL, what looks like a column of a table may be a function.
        let columns = matches!(dialect, Dialect::Postgres | Dialect::Any);
        let (message, missing) = match (is_open(StatementField::Tables), is_open(StatementField::Functions)) {
            (true, true) => ("the statement may read any table and call any function", "`tables` and `functions`"),
            (true, false) => ("the statement may read any table", "`tables`"),
            (false, true) => ("the statement may call any function", "`functions`"),
            (false, false) if columns && is_open(StatementField::Columns) => {
                ("the statement may call any function: in PostgreSQL, `t.f` calls `f` with a row of `t`", "`columns`")
            }
            (false, false) => continue,
        };
        let help = format!("list what is allowed, with `every`, under {missing}");
        diagnostics.push(Diagnostic::new(Code::UncheckedSql, test.span, message).help(help));
    }
}

/// The attribute of a test of a statement, how many of its steps lead to the statement, and the dialect.
fn statement_of<'p>(policy: &'p Policy, test: &Test) -> Option<(&'p Attribute, usize, Dialect)> {
    let attribute = policy.attributes.get(test.attribute)?;
    attribute.steps.iter().enumerate().find_map(|(at, step)| match step {
        Step::Facet(Facet::Sql(dialect)) => Some((attribute, at + 1, *dialect)),
        _ => None,
    })
}

/// Whether a test looks at every name of a list of the statement, or lets there be none.
fn is_closed(policy: &Policy, tests: &[&Test], of: &Attribute, statement: &[Step], field: StatementField) -> bool {
    let is = |operand: &Operand, number: &str| match operand {
        Operand::Literal(Value::Number(written)) => written.to_string() == number,
        _ => false,
    };
    tests.iter().any(|test| {
        let Some(attribute) = policy.attributes.get(test.attribute).filter(|one| one.root == of.root) else {
            return false;
        };
        match (attribute.steps.strip_prefix(statement), &test.operator) {
            (Some([Step::Facet(Facet::Statement(of))]), Operator::Every(_)) => *of == field,
            (
                Some([Step::Facet(Facet::Statement(of)), Step::Facet(Facet::Count)]),
                Operator::Eq(most) | Operator::Lte(most),
            ) => *of == field && is(most, "0"),
            (Some([Step::Facet(Facet::Statement(of)), Step::Facet(Facet::Count)]), Operator::Lt(most)) => {
                *of == field && is(most, "1")
            }
            _ => false,
        }
    })
}

/// A name with capital letters, which no statement has: it denies and allows nothing.
fn never(policy: &Policy, test: &Test, diagnostics: &mut Diagnostics) {
    // PostgreSQL keeps the case of names in quotes.
    let Some((attribute, length, Dialect::Sqlite | Dialect::Mysql | Dialect::Any)) = statement_of(policy, test) else {
        return;
    };
    let is_name = match attribute.steps.get(length..) {
        Some([Step::Facet(Facet::Statement(_))]) => matches!(test.operator, Operator::Has(_)),
        Some([Step::Facet(Facet::Statement(_)), Step::Element]) => true,
        _ => false,
    };
    let values = match &test.operator {
        Operator::Eq(operand)
        | Operator::Has(operand)
        | Operator::StartsWith(operand)
        | Operator::EndsWith(operand)
        | Operator::Contains(operand) => match operand {
            Operand::Literal(value) => std::slice::from_ref(value),
            Operand::Ref(_) => &[],
        },
        Operator::In(values) => values.as_slice(),
        _ => &[],
    };
    for value in values {
        if let Value::String(name) = value
            && is_name
            && name.bytes().any(|byte| byte.is_ascii_uppercase())
        {
            let message = format!("no name of a statement is {}: they are compared in lower case", quoted(name));
            let help = format!("write {}", quoted(&name.to_ascii_lowercase()));
            diagnostics.push(Diagnostic::new(Code::Contradiction, test.span, message).help(help));
        }
    }
}
