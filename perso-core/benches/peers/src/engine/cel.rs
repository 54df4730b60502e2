//! CEL: a program for each tool, looked up by the tool's name, in one environment; the parts of the call are its variables,
//! borrowed.

use super::json::Json;
use super::{Engine, Peer, Source, setup};
use crate::limits::Limit;
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value, extensions};
use std::collections::HashMap;
use std::sync::Arc;

pub fn peer() -> Peer {
    Peer {
        name: "CEL",
        form: "a program per tool",
        key: "cel",
        desk: setup::<Cel>(Source::of(include_str!("../../policies/support-desk.cel.json"))),
        limits: Some(|limits| {
            let programs: HashMap<&str, String> = limits
                .iter()
                .map(|Limit { tool, most, currencies }| {
                    let test = format!(
                        "'agent' in agent.roles && args.amount > 0 && args.amount <= {most} && args.currency in {currencies:?}"
                    );
                    (&**tool, test)
                })
                .collect();
            setup::<Cel>(Source::of(serde_json::to_vec(&programs).expect("programs have a JSON form")))
        }),
    }
}

struct Cel {
    programs: HashMap<String, Program>,
    root: Context<'static, 'static>,
}

/// A call: its tool and its variables.
struct Call {
    tool: String,
    variables: Variables,
}

struct Variables {
    args: Option<Box<dyn Val>>,
    agent: Option<Box<dyn Val>>,
    resource: Option<Box<dyn Val>>,
}

impl VariableResolver for Variables {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = match variable {
            "args" => &self.args,
            "agent" => &self.agent,
            "resource" => &self.resource,
            _ => return None,
        };
        value.as_deref().map(CowVal::Borrowed)
    }
}

impl Engine for Cel {
    type Call<'c> = Call;

    fn load(source: &Source) -> Self {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings).expect("the extension is new");
        let env = Arc::new(env);
        let programs: HashMap<String, String> = serde_json::from_slice(&source.policy).expect("the programs are JSON");
        let compile = |(tool, program): (String, String)| (tool, env.compile(&program).expect("the program compiles"));
        Self { programs: programs.into_iter().map(compile).collect(), root: Context::with_env(Arc::clone(&env)) }
    }

    fn read(&self, json: &[u8]) -> Option<Call> {
        let Json::Object(mut call) = serde_json::from_slice(json).ok()? else { return None };
        let Some(Json::String(tool)) = call.remove("tool") else { return None };
        let mut part = |key| call.remove(key).map(value);
        Some(Call {
            tool,
            variables: Variables { args: part("args"), agent: part("agent"), resource: part("resource") },
        })
    }

    fn judge(&mut self, call: &Call) -> bool {
        let Some(program) = self.programs.get(&call.tool) else { return false };
        let mut context = self.root.new_inner_scope();
        context.set_variable_resolver(&call.variables);
        program.execute(&context) == Ok(Value::Bool(true))
    }
}

fn value(json: Json) -> Box<dyn Val> {
    match json {
        Json::Null => Box::new(CelNull),
        Json::Bool(value) => Box::new(CelBool::from(value)),
        Json::String(text) => Box::new(CelString::from(text)),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Json::Array(values) => Box::new(CelList::from(values.into_iter().map(value).collect::<Vec<_>>())),
        Json::Object(map) => {
            let entries = map.into_iter().map(|(key, json)| (CelMapKey::from(key), value(json)));
            Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
        }
    }
}
