//! What a decision costs, beside merely parsing the same call with `serde_json`.
//!
//! `make bench` runs it and writes the ratios to `target/perso-bench.json`:
//!
//! | ratio | time of | over that of |
//! | --- | --- | --- |
//! | `decide_vs_parse_value` | call text to decision | parsing the text into a `serde_json::Value` |
//! | `decide_vs_parse_typed` | the same | parsing the text into a struct of just what the policy reads |
//! | `decide_value_vs_parse_value` | a decision on a call that is a `serde_json::Value` | parsing into one |
//! | `scale_10k_vs_10` | a decision with 10 000 rules | with 10 |
//! | `patterns_vs_eq` | a decision with five pattern tests | with five `eq` tests on the same call |
//! | `shell_vs_eq` | a decision on a line of six shell commands | with five `eq` tests on the same call |
//! | `sql_vs_eq` | a decision that reads a statement of SQL | the same |
//! | `pattern_linear` | matching 100 kB with `(a+)+$` | ten times matching 10 kB |
//! | `portable_vs_fast` | call text to record through the portable entry, in wasmi too | call text to decision |
//! | `threads_2_vs_1` | calls a second of two threads | of one |

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark on known data may stop at once"
)]

mod measure;
#[path = "../tests/support/portable.rs"]
#[expect(dead_code, reason = "only judging is measured")]
mod portable;

use measure::{Report, candidate};
use perso_core::{Policy, compile};
use portable::Portable;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const POLICY: &str = include_str!("../../policies/support-desk.json");
const CALLS: &str = include_str!("../../policies/support-desk.calls.jsonl");

fn main() {
    let mut report = Report::default();
    calls(&mut report);
    rules(&mut report);
    patterns(&mut report);
    languages(&mut report);
    threads(&mut report);
    report.write();
}

/// What a careful engineer's own check would parse a call into.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsing is measured")]
struct Typed<'c> {
    tool: &'c str,
    #[serde(borrow)]
    args: Option<Args<'c>>,
    #[serde(borrow)]
    agent: Option<Agent<'c>>,
    resource: Option<Resource<'c>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsing is measured")]
struct Args<'c> {
    amount: Option<f64>,
    to: Option<&'c str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsing is measured")]
struct Agent<'c> {
    id: Option<&'c str>,
    #[serde(borrow)]
    roles: Vec<&'c str>,
    mfa_verified: Option<bool>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsing is measured")]
struct Resource<'c> {
    owner_id: Option<&'c str>,
}

fn calls(report: &mut Report) {
    let policy = Policy::compile(POLICY).expect("the support desk policy compiles");
    let calls: Vec<&[u8]> = CALLS.lines().map(str::as_bytes).collect();
    let values: Vec<Value> = calls.iter().map(|call| serde_json::from_slice(call).unwrap()).collect();
    assert!(calls.len() == 12 && calls.iter().all(|call| call.len() < 400));
    let bytes = calls.iter().map(|call| call.len()).sum::<usize>() / calls.len();

    let medians = report.compare(
        &format!("a call of the support desk ({bytes} bytes on average)"),
        calls.len(),
        vec![
            candidate("decide from JSON text", || {
                calls.iter().filter(|call| policy.decide_json(call).is_allowed()).count()
            }),
            candidate("decide from serde_json::Value", || {
                values.iter().filter(|call| policy.decide_value(call).is_allowed()).count()
            }),
            candidate("serde_json into Value", || {
                calls.iter().filter(|call| serde_json::from_slice::<Value>(call).is_ok()).count()
            }),
            candidate("serde_json into a typed struct", || {
                calls.iter().filter(|call| serde_json::from_slice::<Typed<'_>>(call).is_ok()).count()
            }),
        ],
    );
    report.ratio("decide_vs_parse_value", medians[0] / medians[2]);
    report.ratio("decide_value_vs_parse_value", medians[1] / medians[2]);
    report.ratio("decide_vs_parse_typed", medians[0] / medians[3]);

    let mut portable = Portable::new(policy.module());
    let medians = report.compare(
        "the two entries, both in wasmi",
        calls.len(),
        vec![
            candidate("fast", || calls.iter().filter(|call| policy.decide_json(call).is_allowed()).count()),
            candidate("portable", || calls.iter().filter(|call| portable.allows(call)).count()),
        ],
    );
    report.ratio("portable_vs_fast", medians[1] / medians[0]);

    let module = compile(POLICY).expect("the support desk policy compiles").module;
    println!("  {:<36} {:>12}", "module size", format!("{} B", module.len()));
    report.compare(
        "the support desk policy",
        1,
        vec![
            candidate("compile", || compile(POLICY)),
            candidate("load", || Policy::from_module(module.clone())),
            candidate("serde_json into Value", || serde_json::from_str::<Value>(POLICY)),
        ],
    );
}

/// A policy of so many rules, each for a tool of its own.
fn policy_of(rules: usize) -> String {
    let rules: Vec<String> = (0..rules)
        .map(|n| {
            format!(
                r#"{{"id":"rule-{n}","allow":"tool_{n}","roles":["agent"],"when":{{"args.amount":{{"gt":0,"lte":{n}}},"args.currency":{{"in":["USD","EUR","C{n}"]}}}}}}"#
            )
        })
        .collect();
    format!(r#"{{"perso":1,"rules":[{}]}}"#, rules.join(","))
}

fn rules(report: &mut Report) {
    let counts = [10, 100, 1_000, 10_000];
    let texts: Vec<String> = counts.map(policy_of).into();
    let mut policies = Vec::new();
    println!("\npolicies of many rules");
    for (count, text) in counts.iter().zip(&texts) {
        let begin = Instant::now();
        let module = compile(text).expect("the policy compiles").module;
        let compiled = begin.elapsed();
        let size = module.len();
        let begin = Instant::now();
        policies.push(Policy::from_module(module).expect("the module loads"));
        let loaded = begin.elapsed();
        println!("  {count:>6} rules: compiled in {compiled:.1?} to {size} bytes, loaded in {loaded:.1?}");
    }
    let calls: Vec<Vec<String>> = counts
        .iter()
        .map(|count| {
            let tool = |n: usize| n * count / 16;
            let call = |n| {
                format!(
                    r#"{{"tool":"tool_{}","args":{{"order_id":"ORD-8821","amount":800,"currency":"EUR"}},"agent":{{"id":"agt-099","roles":["agent"],"mfa_verified":true}},"context":{{"server":"crm","ip":"10.0.0.7"}}}}"#,
                    tool(n)
                )
            };
            (0..16).map(call).collect()
        })
        .collect();
    let candidates = counts.iter().zip(&policies).zip(&calls).map(|((count, policy), calls)| {
        let name: &str = Box::leak(format!("decide with {count} rules").into_boxed_str());
        candidate(name, move || calls.iter().filter(|call| policy.decide_json(call.as_bytes()).is_allowed()).count())
    });
    let medians = report.compare("a call by the number of rules", 16, candidates.collect());
    report.ratio("scale_10k_vs_10", medians[3] / medians[0]);
}

fn patterns(report: &mut Report) {
    let call = br#"{"tool":"publish","args":{"path":"/srv/share/reports/2026/q3.pdf","url":"https://files.example.com/upload","to":"desk@acme.com","branch":"release/2026-11","title":"Report-2026-Q3"},"agent":{"id":"agt-099","roles":["agent"],"mfa_verified":true},"context":{"server":"crm","ip":"10.0.0.7","session":"5d1c0f8a"}}"#;
    let policy = |tests: &str| {
        let text = format!(
            r#"{{"perso":1,"rules":[{{"id":"publish","allow":"publish","roles":["agent"],"when":{{{tests}}}}}]}}"#
        );
        Policy::compile(&text).expect("the policy compiles")
    };
    let eq = policy(
        r#""args.path":"/srv/share/reports/2026/q3.pdf","args.url":"https://files.example.com/upload","args.to":"desk@acme.com","args.branch":"release/2026-11","args.title":"Report-2026-Q3""#,
    );
    let matches = policy(
        r#""args.path":{"glob":"/srv/share/**/*.pdf"},"args.url":{"matches":"https://[a-z]+[.]example[.]com/[a-z/]*"},"args.to":{"matches":"[a-z.]+@acme[.]com"},"args.branch":{"glob":"release/*"},"args.title":{"matches":"(?i)report-[0-9]{4}-q[1-4]"}"#,
    );
    let facets = policy(
        r#""args.path":{"within":"/srv/share"},"args.url":{"url":{"host":"*.example.com","private":false}},"args.to":{"email_domain":"acme.com"},"args.branch":{"glob":"release/*"},"context.ip":{"cidr":"10.0.0.0/8"}"#,
    );
    let judge = |policy: &Policy| assert!(policy.decide_json(call).is_allowed());
    let medians = report.compare(
        &format!("five tests on a call of {} bytes", call.len()),
        1,
        vec![
            candidate("five eq", || judge(&eq)),
            candidate("five patterns", || judge(&matches)),
            candidate("a path, a URL, two addresses, a glob", || judge(&facets)),
        ],
    );
    report.ratio("patterns_vs_eq", medians[1] / medians[0]);
    report.ratio("facets_vs_eq", medians[2] / medians[0]);

    let policy = policy(r#""args.text":{"matches":"(a+)+$"}"#);
    let long = |length: usize| {
        format!(r#"{{"tool":"publish","args":{{"text":"{}b"}},"agent":{{"roles":["agent"]}}}}"#, "a".repeat(length))
    };
    let (short, long) = (long(10_000), long(100_000));
    let medians = report.compare(
        "`(a+)+$` on a text that does not match",
        1,
        vec![
            candidate("10 kB", || policy.decide_json(short.as_bytes())),
            candidate("100 kB", || policy.decide_json(long.as_bytes())),
        ],
    );
    report.ratio("pattern_linear", medians[1] / (10.0 * medians[0]));
}

/// Texts that are read as a language, in calls with four other arguments.
fn languages(report: &mut Report) {
    read_vs_eq(
        report,
        "shell",
        "cd /srv/build/perso && git fetch --quiet origin main && git log --oneline -5 origin/main; \
         cargo test --locked --workspace > target/perso-test.log 2>&1; grep -n 'test result' target/perso-test.log | tail -20",
        r#"{"every":{".program":{"in":["cargo","cd","git","grep","head","ls","tail"]}}}"#,
    );
    read_vs_eq(
        report,
        "sql",
        "SELECT c.name, c.city, COUNT(*) AS orders, SUM(o.total) AS revenue FROM customers c JOIN orders o ON o.customer_id = c.id \
         WHERE o.status = 'paid' AND o.total > 100 GROUP BY c.name, c.city ORDER BY 4 DESC LIMIT 20",
        r#"{"dialect":"sqlite","statement":"select","tables":{"every":{"in":["customers","orders"]}},"functions":{"every":{"in":["count","sum"]}}}"#,
    );
}

/// Measures what it costs to read a text with an operator, over five `eq` tests on the same call: of the text, which JSON
/// writes as it is, and of the other arguments.
fn read_vs_eq(report: &mut Report, operator: &str, text: &str, test: &str) {
    let args = [
        ("text", text),
        ("cwd", "/srv/build"),
        ("session", "5d1c0f8a"),
        ("branch", "release/2026-11"),
        ("title", "Report-2026-Q3"),
    ];
    let members = |prefix: &str| args.map(|(name, value)| format!(r#""{prefix}{name}":"{value}""#)).join(",");
    let call = format!(
        r#"{{"tool":"run","args":{{{}}},"agent":{{"id":"agt-099","roles":["agent"],"mfa_verified":true}}}}"#,
        members("")
    );
    let policy = |tests: &str| {
        let rule = format!(r#"{{"id":"run","allow":"run","roles":["agent"],"when":{{{tests}}}}}"#);
        Policy::compile(&format!(r#"{{"perso":1,"rules":[{rule}]}}"#)).expect("the policy compiles")
    };
    let eq = policy(&members("args."));
    let read = policy(&format!(r#""args.text":{{"{operator}":{test}}}"#));
    let judge = |policy: &Policy| assert!(policy.decide_json(call.as_bytes()).is_allowed());
    let medians = report.compare(
        &format!("a text of {} bytes in a call of {} bytes", text.len(), call.len()),
        1,
        vec![candidate("five eq", || judge(&eq)), candidate(operator, || judge(&read))],
    );
    report.ratio(&format!("{operator}_vs_eq"), medians[1] / medians[0]);
}

/// Calls a second with so many threads.
fn throughput(policy: &Policy, calls: &[&[u8]], threads: usize) -> f64 {
    const TIME: Duration = Duration::from_millis(150);
    let barrier = Barrier::new(threads);
    let counts = std::thread::scope(|scope| {
        let work = || {
            barrier.wait();
            let begin = Instant::now();
            let mut count = 0_u64;
            while begin.elapsed() < TIME {
                for call in calls {
                    std::hint::black_box(policy.decide_json(call));
                }
                count += calls.len() as u64;
            }
            count as f64 / begin.elapsed().as_secs_f64()
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<f64>>()
    });
    counts.iter().sum()
}

fn threads(report: &mut Report) {
    let policy = Policy::compile(POLICY).expect("the support desk policy compiles");
    let calls: Vec<&[u8]> = CALLS.lines().map(str::as_bytes).collect();
    let mut ratios: Vec<(f64, f64)> = (0..15)
        .map(|_| {
            let one = throughput(&policy, &calls, 1);
            (throughput(&policy, &calls, 2) / one, one)
        })
        .collect();
    ratios.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, one) = ratios[ratios.len() / 2];
    println!("\ntwo threads\n  {:<36} {:>10.0}/s", "one thread decides", one);
    report.ratio("threads_2_vs_1", ratio);
}
