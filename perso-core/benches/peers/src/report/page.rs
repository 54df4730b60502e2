//! The page: its prose is in `page.md`, its tables are made here.

use super::figures::{a_second, bytes, count, time, times};
use super::machine;
use super::ratios::{Figures, scale};
use crate::desk;
use crate::limits::COUNTS;
use crate::probes::{Probe, probes};
use crate::results::{Results, Row};

const PROSE: &str = include_str!("page.md");

pub fn page(results: &Results, figures: &Figures) -> String {
    let probes = probes();
    let calls = desk::calls();
    let length = calls.iter().map(|call| call.len()).sum::<usize>() / calls.len();
    let mut page = PROSE.to_owned();
    let mut put = |place: &str, text: String| page = page.replace(&format!("{{{place}}}"), text.trim_end());
    put("machine", machine::describe());
    put("goals", goals(results, figures));
    put("bytes", length.to_string());
    put("probes", probes.len().to_string());
    put("decisions", decisions(results));
    put("typed", typed(results));
    put("answers", answers(&results.rows, &probes));
    put("calls", calls_of(&probes));
    put("compile", time(results.compile));
    put("loading", loading(&results.rows));
    put("rules", rules(&results.rows));
    put("threads", threads(results));
    put("python", elsewhere(figures, &PYTHON));
    put("node", elsewhere(figures, &NODE));
    put("gateway", gateway(figures));
    for name in ["serde_json", "cedar-policy", "regorus", "cel", "casbin"] {
        put(name, machine::version(name).to_owned());
    }
    page
}

/// A table of Markdown.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = vec!["---".to_owned(); head.len()];
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    [line(&head), line(&rule), rows].concat()
}

/// What `make bench` measures, by its name there, and the goal.
const MEASURED_BEFORE: [(&str, &str, &str); 3] = [
    ("decide_vs_parse_value", "JSON text to decision, over reading it into a `serde_json::Value`", "at most 0.35"),
    ("portable_v8_vs_parse", "the same by the module alone in V8, over `JSON.parse`", "at most 1.5"),
    ("portable_wasmtime_vs_parse", "the same by the module alone in wasmtime, over a `Value`", "at most 1.5"),
];

fn goals(results: &Results, figures: &Figures) -> String {
    let perso = results.perso();
    let fastest = results.fastest_peer();
    let lines = [
        (
            "JSON text to decision, over the handwritten check".to_owned(),
            perso.from_json / results.handwritten().from_json,
            "at most 1",
        ),
        ("the same, over the handwritten check, tuned".to_owned(), perso.from_json / results.tuned().from_json, ""),
        (
            format!("the fastest other engine ({}), over perso", fastest.title),
            fastest.from_json / perso.from_json,
            "at least 6",
        ),
        (
            "a decision with 10 000 rules, over one with 10".to_owned(),
            scale(perso).expect("perso has many rules"),
            "about 1",
        ),
    ];
    let mut rows: Vec<_> = lines.map(|(what, ratio, goal)| vec![what, times(ratio), goal.to_owned()]).into();
    if let Some(gains) = &results.threads {
        rows.push(vec!["two threads, over one".to_owned(), times(gains.perso), "about 2".to_owned()]);
    }
    for (name, what, goal) in MEASURED_BEFORE {
        if let Some(ratio) = figures.get(name) {
            rows.push(vec![format!("{what} (`make bench`)"), times(*ratio), goal.to_owned()]);
        }
    }
    table(&["", "ratio", "goal"], rows)
}

fn decisions(results: &Results) -> String {
    let perso = results.perso();
    let head = ["engine", "from JSON text", "a second", "over perso", "prepared", "over perso"];
    let row = |row: &Row| {
        vec![
            row.title.clone(),
            time(row.from_json),
            a_second(row.from_json),
            times(row.from_json / perso.from_json),
            time(row.prepared),
            times(row.prepared / perso.prepared),
        ]
    };
    table(&head, results.rows.iter().map(row))
}

/// The engine that is fastest on prepared calls, with calls read as the check by hand does.
fn typed(results: &Results) -> String {
    let by_hand = results.handwritten();
    let peers = results.peers().iter();
    let fastest = peers.min_by(|a, b| a.prepared.total_cmp(&b.prepared)).expect("there are peers");
    let sum = by_hand.from_json - by_hand.prepared + fastest.prepared;
    format!("at best {}, {} as much as perso ({})", time(sum), times(sum / results.perso().from_json), fastest.title)
}

fn answers(rows: &[Row], probes: &[Probe]) -> String {
    let row = |row: &Row| {
        let wrong = |allow: bool| {
            let wrong = probes.iter().zip(&row.answers).filter(|(probe, right)| !**right && probe.allow == allow);
            wrong.map(|(probe, _)| probe.name.as_str()).collect::<Vec<_>>().join("; ")
        };
        let right = row.answers.iter().filter(|right| **right).count();
        vec![row.title.clone(), format!("{right} of {}", probes.len()), wrong(false), wrong(true)]
    };
    table(&["engine", "right", "wrongly allows", "wrongly denies"], rows.iter().map(row))
}

fn calls_of(probes: &[Probe]) -> String {
    let row = |probe: &Probe| {
        let decision = if probe.allow { "allow" } else { "deny" };
        vec![probe.name.clone(), format!("`{}`", probe.call), decision.to_owned(), probe.why.clone()]
    };
    table(&["probe", "call", "right", "because"], probes.iter().map(row))
}

fn loading(rows: &[Row]) -> String {
    let head = ["engine", "loading", "with 10 000 rules", "memory of a policy", "what is deployed"];
    let row = |row: &Row| {
        vec![
            row.title.clone(),
            time(row.load),
            row.by_rules.last().map_or_else(String::new, |by_rules| time(by_rules.load)),
            row.memory.map_or_else(String::new, bytes),
            bytes(row.size as f64),
        ]
    };
    table(&head, rows.iter().map(row))
}

fn rules(rows: &[Row]) -> String {
    let counts = COUNTS.map(|number| format!("{} rules", count(number)));
    let mut head = vec!["engine"];
    head.extend(counts.iter().map(String::as_str));
    head.push("most over fewest");
    let row = |row: &Row| {
        let mut cells = vec![row.title.clone()];
        cells.extend(row.by_rules.iter().map(|by_rules| time(by_rules.from_json)));
        cells.push(times(scale(row)?));
        Some(cells)
    };
    table(&head, rows.iter().filter_map(row))
}

fn threads(results: &Results) -> String {
    match &results.threads {
        Some(gains) => format!(
            "Two threads that share one policy decide {} as many calls as one; the handwritten check, which shares nothing, decides {}.",
            times(gains.perso),
            times(gains.handwritten)
        ),
        None => "Not measured in this run: the machine had other work, and no two cores free.".to_owned(),
    }
}

/// What another benchmark has left: the name, and the key of the time in nanoseconds. The first is what the others are
/// compared with.
type Elsewhere = [(&'static str, &'static str)];

const PYTHON: [(&str, &str); 4] = [
    ("perso, `decide`", "py_decide_ns"),
    ("perso, `decide_json`", "py_decide_json_ns"),
    ("Cedar, by `cedarpy`", "py_cedarpy_ns"),
    ("Casbin, by `casbin`", "py_casbin_ns"),
];

const NODE: [(&str, &str); 6] = [
    ("perso, `decide`", "node_decide_ns"),
    ("perso, `decideJson`", "node_decide_json_ns"),
    ("perso without native code, `decide`", "node_portable_decide_ns"),
    ("perso without native code, `decideJson`", "node_portable_decide_json_ns"),
    ("Cedar, by `@cedar-policy/cedar-wasm`", "node_cedar_ns"),
    ("Casbin, by `casbin`", "node_casbin_ns"),
];

const GATEWAY: [(&str, &str); 3] = [
    ("`perso-gateway`", "gateway_stdio_ns"),
    ("`mcp-proxy`", "gateway_mcp_proxy_ns"),
    ("`supergateway`", "gateway_supergateway_ns"),
];

fn gateway(figures: &Figures) -> String {
    let known: Vec<(&str, f64)> = GATEWAY.iter().filter_map(|(name, key)| Some((*name, *figures.get(*key)?))).collect();
    let (Some((_, first)), Some(added), Some(in_session)) =
        (known.first(), figures.get("gateway_added_us"), figures.get("gateway_session_added_us"))
    else {
        return "Not measured before this page was written.".to_owned();
    };
    let row =
        |(name, nanoseconds): &(&str, f64)| vec![(*name).to_owned(), time(*nanoseconds), times(nanoseconds / first)];
    format!(
        "In front of a server over HTTP, the gateway adds {} to a call, compared with a plain reverse proxy; in a session, {}.\n\n{}",
        time(added * 1e3),
        time(in_session * 1e3),
        table(&["in front of a server on standard input and output", "a call", "over perso's"], known.iter().map(row))
    )
}

fn elsewhere(figures: &Figures, lines: &Elsewhere) -> String {
    let known: Vec<(&str, f64)> = lines.iter().filter_map(|(name, key)| Some((*name, *figures.get(*key)?))).collect();
    let Some((_, first)) = known.first() else { return "Not measured before this page was written.".to_owned() };
    let row = |(name, nanoseconds): &(&str, f64)| {
        vec![(*name).to_owned(), time(*nanoseconds), a_second(*nanoseconds), times(nanoseconds / first)]
    };
    table(&["engine", "a decision", "a second", "over perso's `decide`"], known.iter().map(row))
}
