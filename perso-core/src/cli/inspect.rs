//! `perso inspect`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BOLD, Format, count};
use crate::module::{Document, Limits, Manifest, Obligation, Reasons, Role, hex, sections, sha256};
use crate::visible;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Show a module's hash, rules and roles, and the attributes it reads for each tool
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso inspect support.wasm
  perso inspect support-desk.json --format json | jq '.tools[] | {name, reads}'

For a policy (JSON), shows the module that it compiles to.")]
pub(crate) struct Inspect {
    /// The policy (JSON) or its module
    policy: PathBuf,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    extended: Extended,
}

/// What a module is.
#[derive(Serialize)]
struct Facts<'m> {
    abi: u32,
    compiler: &'m str,
    bytes: usize,
    sections: Vec<Section>,
    /// Of the whole module, as `sha256sum` prints it.
    sha256: String,
    policy_sha256: &'m str,
    /// The documents of a policy that extends others.
    #[serde(skip_serializing_if = "<[Document]>::is_empty")]
    documents: &'m [Document],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'m str>,
    default: &'m str,
    /// What is judged, if not only calls of tools.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    covers: &'m [String],
    rules: Vec<Rule<'m>>,
    /// What has to be remembered of calls.
    #[serde(skip_serializing_if = "<[Obligation]>::is_empty")]
    obligations: &'m [Obligation],
    roles: &'m [Role],
    /// Whether a call to a tool that is not among `tools` is denied, whatever the rules say.
    closed: bool,
    tools: Vec<Tool<'m>>,
    limits: &'m Limits,
    /// The version of the time zone database, if the policy has clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zones: Option<&'m str>,
}

#[derive(Serialize)]
struct Rule<'m> {
    id: &'m str,
    effect: &'m str,
    /// What a caller is told when the rule decides.
    reason: &'m str,
    /// What a caller is told when no rule applies and this one is the nearest, where that is another text.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'m str>,
}

#[derive(Serialize)]
struct Section {
    name: String,
    bytes: usize,
}

/// A tool, with the names of what the manifest counts.
#[derive(Serialize)]
struct Tool<'m> {
    name: &'m str,
    rules: Vec<&'m str>,
    reads: Vec<&'m str>,
}

impl Inspect {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let policy = input::policy(&self.policy, &self.extended)?;
        let module = policy.module();
        let manifest = Manifest::read(module)?;
        let reasons = manifest.reasons(module)?;
        let sections = sections(module)?;
        let facts = Facts {
            abi: manifest.abi,
            compiler: &manifest.compiler,
            bytes: module.len(),
            sections: sections.into_iter().map(|at| Section { name: at.name, bytes: at.range.len() }).collect(),
            sha256: hex(&sha256(module)),
            policy_sha256: &manifest.policy_sha256,
            documents: &manifest.documents,
            description: manifest.description.as_deref(),
            default: &manifest.default,
            covers: &manifest.covers,
            rules: rules(&manifest, &reasons),
            obligations: &manifest.obligations,
            roles: &manifest.roles,
            closed: manifest.closed,
            tools: tools(&manifest),
            limits: &manifest.limits,
            time_zones: manifest.time_zones.as_deref(),
        };
        match self.format {
            Format::Json => output::json(&mut io::stdout().lock(), &facts)?,
            Format::Human => facts.print(&mut anstream::stdout().lock())?,
        }
        Ok(DONE)
    }
}

fn rules<'m>(manifest: &'m Manifest, reasons: &'m Reasons) -> Vec<Rule<'m>> {
    let rules = manifest.rules.iter().enumerate().map(|(index, rule)| {
        let (reason, nearest) = (reasons.decided(index), reasons.nearest(index));
        Rule { id: &rule.id, effect: &rule.effect, reason, needs: Some(nearest).filter(|text| *text != reason) }
    });
    rules.collect()
}

fn tools(manifest: &Manifest) -> Vec<Tool<'_>> {
    let rule = |index: &u32| manifest.rules.get(*index as usize).map(|rule| rule.id.as_str());
    let attribute = |index: &u32| manifest.attributes.get(*index as usize).map(String::as_str);
    let tools = manifest.tools.iter().map(|tool| Tool {
        name: &tool.name,
        rules: tool.rules.iter().filter_map(rule).collect(),
        reads: tool.reads.iter().filter_map(attribute).collect(),
    });
    tools.collect()
}

impl Facts<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(description) = self.description {
            writeln!(out, "{BOLD}{}{BOLD:#}\n", visible(description))?;
        }
        let sections: Vec<String> =
            self.sections.iter().map(|section| format!("{} {}", visible(&section.name), section.bytes)).collect();
        writeln!(out, "module    sha256 {}", self.sha256)?;
        writeln!(out, "policy    sha256 {}", visible(self.policy_sha256))?;
        for document in self.documents {
            let path = document.path.as_deref().unwrap_or("the main document");
            writeln!(out, "          sha256 {} {}", visible(&document.sha256), visible(path))?;
        }
        writeln!(out, "made by   {}, ABI {}", visible(self.compiler), self.abi)?;
        writeln!(out, "size      {} bytes: {}", self.bytes, sections.join(", "))?;
        writeln!(out, "default   {}", visible(self.default))?;
        if !self.covers.is_empty() {
            writeln!(out, "covers    {}", visible(&self.covers.join(", ")))?;
        }
        let Limits { input_bytes, depth, list_length, tool_bytes, number_digits, number_exponent } = self.limits;
        writeln!(
            out,
            "limits    calls of {input_bytes} bytes and {depth} levels, tool names of {tool_bytes} bytes,\n          \
             lists of {list_length}, numbers of {number_digits} digits and an exponent within ±{number_exponent}",
        )?;

        if let Some(version) = self.time_zones {
            writeln!(out, "zones     IANA time zone database {}", visible(version))?;
        }

        writeln!(out, "\n{BOLD}{}{BOLD:#}", count(self.rules.len(), "rule"))?;
        let width = self.rules.iter().map(|rule| rule.id.chars().count()).max().unwrap_or(0).min(32);
        for rule in &self.rules {
            let (id, reason) = (visible(rule.id), rule.needs.unwrap_or(rule.reason));
            writeln!(out, "  {:<5}  {id:<width$}  {}", visible(rule.effect), visible(reason))?;
        }

        let limits: Vec<_> =
            self.obligations.iter().filter_map(|owed| Some((&owed.id, &owed.limit.as_ref()?.reason))).collect();
        let labels: Vec<_> =
            self.obligations.iter().filter_map(|owed| Some((&owed.id, owed.label.as_ref()?))).collect();
        if !limits.is_empty() {
            writeln!(out, "\n{BOLD}{}{BOLD:#}", count(limits.len(), "limit"))?;
            for (id, reason) in limits {
                writeln!(out, "  {}  {}", visible(id), visible(reason))?;
            }
        }
        if !labels.is_empty() {
            writeln!(out, "\n{BOLD}{}{BOLD:#}", count(labels.len(), "label"))?;
            for (id, label) in labels {
                writeln!(out, "  {}  adds {}", visible(id), visible(&label.add.join(", ")))?;
            }
        }

        writeln!(out, "\n{BOLD}{}{BOLD:#}", count(self.roles.len(), "role"))?;
        for role in self.roles {
            let others: Vec<&str> =
                role.includes.iter().map(String::as_str).filter(|name| *name != role.name).collect();
            let includes = if others.is_empty() { String::new() } else { format!(" includes {}", others.join(", ")) };
            writeln!(out, "  {}{}", visible(&role.name), visible(&includes))?;
        }

        let others = if self.closed { "any other tool is denied" } else { "other tools only match rules with a `*`" };
        writeln!(out, "\n{BOLD}{}{BOLD:#}, {others}", count(self.tools.len(), "tool"))?;
        for tool in &self.tools {
            writeln!(out, "  {}", visible(tool.name))?;
            for (what, names) in [("rules", &tool.rules), ("reads", &tool.reads)] {
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                writeln!(out, "    {what}  {}", visible(&names))?;
            }
        }
        Ok(())
    }
}
