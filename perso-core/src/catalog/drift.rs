//! Tools that are not what was approved.

use super::pins::{changed, pin};
use super::scope::{Scope, pattern};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::Effect;

pub(super) fn find(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    let Some(pins) = &scope.catalog.pins else { return };
    for (number, (name, tool)) in scope.tools.iter().enumerate() {
        let shown = quoted(name);
        let rule = scope.lets_through(number);
        let span = rule.map(|rule| pattern(rule, name).map_or(rule.span, |pattern| pattern.span));
        let span = span.unwrap_or_else(|| scope.start());
        let now = pin(&tool.definition);
        let finding = match pins.get(name) {
            Some(before) if *before == now => continue,
            Some(before) => {
                let parts = changed(before, &now).join(" and its ");
                let message = format!("the tool {shown} has changed since it was approved: its {parts}");
                Diagnostic::new(Code::ChangedTool, span, message)
            }
            None => {
                let is_open = scope.policy.default == Effect::Allow && scope.policy.tools.is_none();
                let (code, what) = match rule {
                    Some(rule) => (Code::ChangedTool, format!("the rule {} is about it", quoted(&rule.id))),
                    None if is_open => (Code::ChangedTool, "the policy allows it by default".to_owned()),
                    None => (Code::NewTool, "no rule lets it through".to_owned()),
                };
                Diagnostic::new(code, span, format!("the tool {shown} is new since the tools were approved; {what}"))
            }
        };
        diagnostics.push(finding.help("look at the tool, and approve the tools as they are with `--approve`"));
    }
    for name in pins.names().filter(|name| !scope.catalog.tools.contains_key(*name)) {
        let message = format!("the tool {} was approved, and the server no longer has it", quoted(name));
        let gone = Diagnostic::new(Code::GoneTool, scope.start(), message);
        diagnostics.push(gone.help("approve the tools as they are with `--approve`"));
    }
}
