//! A trace as text for a terminal.

use std::fmt;

use super::super::show;
use super::{Conclusion, RoleTrace, RuleTrace, Seen, Step, TestTrace, Trace, Truth};
use crate::decision::{CauseKind, Problem};

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tool) = &self.tool {
            writeln!(f, "call of {}", show::string(tool))?;
        }
        for rule in &self.rules {
            writeln!(f, "\n{rule}")?;
        }
        match (self.rules.len(), self.other_rules) {
            _ if matches!(self.conclusion.kind, CauseKind::Malformed | CauseKind::Limit) => {}
            (0, 1) => writeln!(f, "\nthe only rule does not match this call")?,
            (0, count) => writeln!(f, "\nnone of {count} rules matches this call")?,
            (_, 0) => {}
            (_, 1) => writeln!(f, "\n1 other rule does not match this tool")?,
            (_, count) => writeln!(f, "\n{count} other rules do not match this tool")?,
        }
        write!(f, "\n{}", self.conclusion)
    }
}

impl fmt::Display for RuleTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applies = match (self.applies, self.grants) {
            (false, _) => "does not apply",
            (true, None | Some(true)) => "applies",
            (true, Some(false)) => "applies only to what another rule allows",
        };
        let id = show::visible(&self.id);
        write!(f, "{} `{id}` {applies}: it is {}", self.effect.name(), self.truth)?;
        if let Some(roles) = &self.roles {
            write!(f, "\n{roles}")?;
        }
        match &self.condition {
            Some(condition) => condition.write(f, 0),
            None if self.roles.is_none() => f.write_str("\n  no condition"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RoleTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs: Vec<String> = self.needs.iter().map(|role| format!("`{}`", show::visible(role))).collect();
        line(f, self.truth, 0)?;
        write!(f, "roles {}; agent.roles is {}", needs.join(" or "), self.seen)?;
        match self.problem {
            Some(problem @ (Problem::Type | Problem::OutOfRange)) => write!(f, ", {}", words(problem)),
            _ => Ok(()),
        }
    }
}

impl Step {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        f.write_str("\n")?;
        line(f, self.truth(), depth)?;
        match self {
            Self::All { parts, .. } => {
                f.write_str("all of")?;
                parts.iter().try_for_each(|part| part.write(f, depth + 1))
            }
            Self::Any { parts, .. } => {
                f.write_str("any of")?;
                parts.iter().try_for_each(|part| part.write(f, depth + 1))
            }
            Self::Not { part, .. } => {
                f.write_str("not")?;
                part.write(f, depth + 1)
            }
            Self::Test(test) => {
                write!(f, "{test}")?;
                for element in &test.elements {
                    f.write_str("\n")?;
                    line(f, element.asked.truth(), depth + 1)?;
                    write!(f, "{}", element.seen)?;
                    element.asked.write(f, depth + 2)?;
                }
                match test.more_elements {
                    0 => Ok(()),
                    more => write!(f, "\n  {:8} {:2$}and {more} more", "", "", depth * 2 + 2),
                }
            }
        }
    }
}

impl fmt::Display for TestTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, operator, operand, seen, .. } = self;
        let (attribute, operand) = (show::visible(attribute), show::visible(operand));
        write!(f, "{attribute} {operator} {operand}; {attribute} is {seen}")?;
        if let Some(seen) = &self.operand_seen {
            write!(f, ", {operand} is {seen}")?;
        }
        match (&self.unknown, self.problem) {
            // The value seen says it already.
            (Some(of), Some(Problem::Type | Problem::OutOfRange))
                if matches!(seen, Seen::None(_)) && *of == self.attribute =>
            {
                Ok(())
            }
            (Some(of), Some(problem @ (Problem::Type | Problem::OutOfRange))) => {
                write!(f, " ({} {})", show::visible(of), words(problem))
            }
            (Some(_), Some(Problem::Value)) => f.write_str(" (not written in the policy, so another value is unknown)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.outcome.name())?;
        match (&self.rule, &self.nearest, self.kind) {
            (Some(rule), ..) => write!(f, "rule `{}` applies", show::visible(rule))?,
            (None, Some(nearest), _) => write!(f, "no rule applies; the nearest is `{}`", show::visible(nearest))?,
            (None, None, CauseKind::UnknownTool) => f.write_str("the policy does not list this tool")?,
            (None, None, CauseKind::Malformed) => f.write_str("the call is malformed")?,
            (None, None, CauseKind::Limit) => f.write_str("the call is over a limit")?,
            (None, None, CauseKind::Default) => f.write_str("no rule applies, and the default is to allow")?,
            (None, None, _) => f.write_str("no rule allows this tool")?,
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {}", show::visible(detail))?;
        }
        match (&self.attribute, self.problem) {
            (Some(attribute), Some(Problem::Value)) if self.rule.is_some() => {
                write!(f, "; the value of {} decides", show::visible(attribute))
            }
            // The host has not withheld it.
            (Some(attribute), Some(Problem::Withheld)) if is_of_command(attribute) => {
                write!(f, "; {} is only known when the line runs", show::visible(attribute))
            }
            (Some(attribute), Some(problem)) => write!(f, "; {} {}", show::visible(attribute), words(problem)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Open => "open",
            Self::Withheld => "withheld",
            Self::Value(json) => json,
            Self::None(why) => return write!(f, "none: {why}"),
        })
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::Open => "open",
        })
    }
}

/// Begins a line with a truth, so that the truths are aligned.
fn line(f: &mut fmt::Formatter<'_>, truth: Truth, depth: usize) -> fmt::Result {
    write!(f, "  {truth:<8} {:1$}", "", depth * 2)
}

/// Whether an attribute is read off a command of a shell line.
fn is_of_command(attribute: &str) -> bool {
    attribute.split(['.', '[']).next().is_some_and(|facets| facets.contains("a command of "))
}

fn words(problem: Problem) -> &'static str {
    match problem {
        Problem::Missing => "is missing",
        Problem::Null => "is null",
        Problem::Type => "has a type that the test does not accept",
        Problem::OutOfRange => "is out of range",
        Problem::Value => "does not have the required value",
        Problem::Withheld => "is withheld",
    }
}
