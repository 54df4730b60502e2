//! What the replay found, as the tables of `docs/agentdojo.md`.

use std::fmt::Write;

use super::replay::{Counts, Result, Stop, Suite, Use, play};

/// Each way to use the policies, and what the tables call it.
const USES: [(Use, &str); 5] = [
    (Use::Nothing, "no policy"),
    (Use::Rules, "without labels and limits"),
    (Use::Whole, "the policy"),
    (Use::Labelled, "every label from the start"),
    (Use::Wordless, "without the user's words"),
];

/// The counts of all suites, for each way to use the policies.
pub struct Report(Vec<Used>);

/// The counts of all suites, for one way.
struct Used {
    usage: Use,
    name: &'static str,
    suites: Vec<(String, Counts)>,
}

impl Report {
    /// Plays all suites.
    pub async fn of(suites: &[Suite]) -> Result<Self> {
        let mut uses = Vec::new();
        for (usage, name) in USES {
            let mut counts = Vec::new();
            for suite in suites {
                counts.push((suite.name.clone(), play(suite, usage).await?));
            }
            uses.push(Used { usage, name, suites: counts });
        }
        Ok(Self(uses))
    }

    /// The counts with the whole policies.
    pub fn whole(&self) -> impl Iterator<Item = (&str, &Counts)> {
        let whole = self.0.iter().filter(|used| used.usage == Use::Whole);
        whole.flat_map(|used| used.suites.iter().map(|(suite, counts)| (&**suite, counts)))
    }

    /// What can be carried out and what is stopped, a line for each suite and each way to use its policy.
    fn table(&self) -> Result<String> {
        let mut table = String::from(
            "| suite | | user tasks carried out | of these, with a question | injections stopped | by a denial | by a question |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        let suites = self.0.first().map_or(0, |used| used.suites.len());
        for place in 0..suites {
            for Used { name, suites, .. } in &self.0 {
                let Some((suite, counts)) = suites.get(place) else { continue };
                let Counts { users, carried_out, pairs, stopped_by_denial, stopped_by_question, .. } = counts;
                writeln!(
                    table,
                    "| {suite} | {name} | {} | {} | {} | {stopped_by_denial} | {stopped_by_question} |",
                    share(*carried_out, *users),
                    counts.asked.len(),
                    share(counts.stopped(), *pairs),
                )?;
            }
        }
        Ok(table)
    }

    /// Which rules stopped injections.
    fn rules(&self) -> Result<String> {
        let mut table = String::from("| suite | rule | injections stopped |\n| --- | --- | --- |\n");
        for (suite, counts) in self.whole() {
            for (rule, pairs) in &counts.by_rule {
                writeln!(table, "| {suite} | `{rule}` | {pairs} |")?;
            }
        }
        Ok(table)
    }

    /// The tables of the page.
    pub fn tables(&self) -> Result<[String; 4]> {
        Ok([self.table()?, self.tasks()?, self.rules()?, self.ran()?])
    }

    /// The user tasks that need a person, or cannot be carried out.
    fn tasks(&self) -> Result<String> {
        let mut table = String::from("| suite | user task | call | | rule |\n| --- | --- | --- | --- | --- |\n");
        for (suite, counts) in self.whole() {
            let asked = counts.asked.iter().map(|stop| ("asked about", stop));
            for (what, Stop { task, tool, by }) in asked.chain(counts.denied.iter().map(|stop| ("denied", stop))) {
                writeln!(table, "| {suite} | `{task}` | `{tool}` | {what} | `{by}` |")?;
            }
        }
        Ok(table)
    }

    /// What injections could do before they were stopped.
    fn ran(&self) -> Result<String> {
        let mut table = String::from("| suite | tool that ran for an injection | calls |\n| --- | --- | --- |\n");
        for (suite, counts) in self.whole() {
            for (tool, times) in &counts.ran {
                writeln!(table, "| {suite} | `{tool}` | {times} |")?;
            }
        }
        Ok(table)
    }
}

/// The tasks of users and of attackers that are not about calls.
pub fn without_calls(suites: &[Suite]) -> Vec<String> {
    let mut tasks = Vec::new();
    for Suite { name, users, injections, .. } in suites {
        let users = users.iter().filter(|user| user.calls.is_empty()).map(|user| &user.id);
        let injections =
            injections.iter().filter(|injection| injection.calls.is_empty()).map(|injection| &injection.id);
        tasks.extend(users.chain(injections).map(|task| format!("{name} {task}")));
    }
    tasks
}

/// `1 of 2 (50 %)`, rounded down, so that nothing looks whole that is not.
fn share(part: usize, whole: usize) -> String {
    let per_mille = (part * 1000).checked_div(whole).unwrap_or(0);
    let fraction = if per_mille.is_multiple_of(10) { String::new() } else { format!(".{}", per_mille % 10) };
    format!("{part} of {whole} ({}{fraction} %)", per_mille / 10)
}
