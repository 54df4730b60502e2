//! A list that should be one command or the like, tested by `every` and `count`: its elements may come in any order, and
//! repeat.

use super::super::grants::granting;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Condition, Facet, Operand, Operator, Policy, Step, Value};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        let tests = granting(rule);
        for test in &tests {
            let (Operator::Every(asked), Some(list)) = (&test.operator, policy.attributes.get(test.attribute)) else {
                continue;
            };
            let Condition::Test(element) = &*asked.condition else { continue };
            let Operator::In(values) = &element.operator else { continue };
            let count = Attribute {
                root: list.root,
                steps: list.steps.iter().cloned().chain([Step::Facet(Facet::Count)]).collect(),
            };
            let as_many = tests.iter().any(|other| {
                policy.attributes.get(other.attribute) == Some(&count)
                    && matches!(&other.operator, Operator::Eq(Operand::Literal(Value::Number(number)))
                        if number.to_string() == values.len().to_string())
            });
            if values.len() > 1 && as_many {
                let name = quoted(&list.to_string());
                let message = format!("the elements of {name} may appear in any order, and more than once");
                let help = "`every` and `count` do not check which element comes first";
                diagnostics.push(Diagnostic::new(Code::AnyOrder, test.span, message).help(help));
            }
        }
    }
}
