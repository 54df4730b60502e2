//! A call of revision 2026-07-28 or later, which may be one of several rounds: the guard answers it with a question, and the client
//! makes it again with the person's answer.
//!
//! What belongs to the guard is known by a random key of this process. So the questions of a server, and of another guard in front of
//! or behind this one, pass.

use super::{METHOD, Said, form};
use perso_core::enforce::ledger::Digest;
use perso_core::enforce::{Answer, Question};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The key of the guard's question among the `inputRequests` of an answer and of the person's answer to it, and the beginning of the
/// `requestState`.
static KEY: LazyLock<String> = LazyLock::new(|| format!("perso-approval-{}", Uuid::now_v7().simple()));

/// The maximum size of what is kept of calls between rounds, in bytes. Beyond it, the oldest are dropped, and their answers come too
/// late.
const BYTES: usize = 1 << 24;

/// The approximate size of what is kept of a call, without its texts, in bytes.
const OVERHEAD: usize = 512;

/// What a client sends with a call for an earlier answer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// The `inputResponses`, as JSON.
    pub(crate) responses: Option<String>,
    /// The `requestState`.
    pub(crate) state: Option<String>,
}

/// The maximum number of decisions that are kept of a call.
const MOST_DECIDED: usize = 16;

/// A question, and what was said to it.
#[derive(Debug, Clone, Copy)]
struct Decided {
    asked: Digest,
    said: Said,
    until: Instant,
}

/// A call that may be one of several rounds.
#[derive(Debug)]
pub(crate) struct Round {
    inputs: Inputs,
    is_answer: bool,
    has_forms: bool,
    /// How long the person has to answer.
    time: Duration,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Asking {
    /// What was said in earlier rounds.
    decided: Vec<Decided>,
    /// What of it was used to judge the call, which has not run yet.
    used: Vec<Decided>,
    /// The question to ask next.
    next: Option<(Digest, Value)>,
}

impl Round {
    /// Reads what a client sends with a call. `has_forms` says whether the client can ask its user.
    pub(crate) fn open(inputs: Inputs, has_forms: bool, time: Duration) -> Arc<Self> {
        let responses =
            inputs.responses.as_deref().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        let said = responses.as_ref().and_then(|responses| responses.get(&**KEY));
        let state = inputs.state.as_deref().and_then(|state| state.strip_prefix(&**KEY));
        if said.is_none() && state.is_none() {
            return Arc::new(Self { inputs, is_answer: false, has_forms, time, asking: Mutex::default() });
        }
        // Once: an approval is for one run of the call. If nothing is kept, the person is asked again.
        let kept = state.and_then(|state| KEPT.lock().take(state));
        let (mut decided, mut inputs) = (Vec::new(), Inputs::default());
        if let Some(kept) = kept {
            (decided, inputs) = (kept.decided, kept.inputs);
            decided.extend(said.map(|said| Decided { asked: kept.asked, said: Said::read(said), until: kept.until }));
            decided.retain(|decided| decided.until > Instant::now());
        }
        let asking = Mutex::new(Asking { decided, ..Asking::default() });
        Arc::new(Self { inputs, is_answer: true, has_forms, time, asking })
    }

    /// Returns whether the client has answered the guard. The server then gets [`inputs`](Self::inputs) instead.
    pub(crate) const fn is_answer(&self) -> bool {
        self.is_answer
    }

    /// Returns what the client has sent for the server.
    pub(crate) const fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the person has said, or asks them in the answer to the call. `None` if the client cannot ask its user.
    pub(super) fn ask(&self, question: &Question) -> Option<Answer> {
        let mut asking = self.asking();
        if let Some(at) = asking.decided.iter().position(|decided| decided.asked == *question.digest()) {
            let decided = asking.decided.remove(at);
            asking.used.push(decided);
            return Some(decided.said.answer(question));
        }
        if !self.has_forms {
            return None;
        }
        let Some(form) = form(question) else { return Some(Answer::TooLarge) };
        asking.next = Some((*question.digest(), form));
        Some(Answer::Pending)
    }

    /// The call is about to run: what was said is used up, also if its handler then asks about another call.
    #[cfg(feature = "rmcp")]
    pub(crate) fn ran(&self) {
        self.asking().used.clear();
    }

    /// Returns the result that asks the person, in place of a denial. `None` if there is nothing to ask.
    pub(crate) fn required(&self) -> Option<Value> {
        let mut asking = self.asking();
        let (asked, form) = asking.next.take()?;
        let mut decided = std::mem::take(&mut asking.decided);
        decided.append(&mut asking.used);
        decided.drain(..decided.len().saturating_sub(MOST_DECIDED));
        let kept = Kept { asked, until: Instant::now() + self.time, decided, inputs: self.inputs.clone() };
        let state = KEPT.lock().insert(kept);
        let key = &**KEY;
        Some(json!({
            "resultType": "input_required",
            "inputRequests": { key: { "method": METHOD, "params": form } },
            "requestState": format!("{key}{state}"),
        }))
    }
}

/// What is kept of a call between its rounds.
#[derive(Debug)]
struct Kept {
    asked: Digest,
    until: Instant,
    decided: Vec<Decided>,
    inputs: Inputs,
}

impl Kept {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let decided = self.decided.len() * size_of::<Decided>();
        OVERHEAD + decided + text(&self.inputs.responses) + text(&self.inputs.state)
    }

    fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

/// The calls between rounds, by the ids in their states, which are in the order of time.
#[derive(Debug, Default)]
struct Calls {
    kept: BTreeMap<Uuid, Kept>,
    bytes: usize,
}

/// Of the whole process, because a server may have a guard for each request.
static KEPT: Shared = Shared(Mutex::new(Calls { kept: BTreeMap::new(), bytes: 0 }));

struct Shared(Mutex<Calls>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    /// Keeps a call, and returns the part of its state that is for [`take`](Self::take).
    fn insert(&mut self, kept: Kept) -> String {
        let id = Uuid::now_v7();
        self.bytes += kept.bytes();
        self.kept.insert(id, kept);
        while let Some(oldest) = self.kept.first_entry()
            && (self.bytes > BYTES || oldest.get().is_over())
        {
            self.bytes -= oldest.remove().bytes();
        }
        format!("-{}", id.simple())
    }

    fn take(&mut self, state: &str) -> Option<Kept> {
        let id = Uuid::try_parse(state.strip_prefix('-')?).ok()?;
        let kept = self.kept.remove(&id)?;
        self.bytes -= kept.bytes();
        (!kept.is_over()).then_some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    fn kept(time: Duration, text: usize) -> Kept {
        let inputs = Inputs { responses: Some("x".repeat(text)), state: None };
        Kept { asked: Digest::of("test", []), until: Instant::now() + time, decided: Vec::new(), inputs }
    }

    #[test]
    fn a_call_is_taken_once_and_in_time() {
        let mut calls = Calls::default();
        let state = calls.insert(kept(LONG, 1));
        for wrong in ["", "-", "-x", &state[1..], &format!("{state}0"), &format!("-{}", Uuid::now_v7().simple())] {
            assert!(calls.take(wrong).is_none(), "{wrong}");
        }
        assert!(calls.take(&state).is_some());
        assert!(calls.take(&state).is_none());
        let late = calls.insert(kept(Duration::ZERO, 1));
        assert!(calls.take(&late).is_none());
        assert_eq!(calls.bytes, 0);
    }

    #[test]
    fn the_oldest_make_place() {
        let mut calls = Calls::default();
        let states: Vec<String> = (0..40).map(|_| calls.insert(kept(LONG, 1 << 20))).collect();
        assert!(calls.bytes <= BYTES);
        assert_eq!(calls.kept.len(), 15);
        assert!(calls.take(&states[39]).is_some() && calls.take(&states[24]).is_none());
        assert_eq!(calls.bytes, calls.kept.values().map(Kept::bytes).sum::<usize>());
    }

    #[test]
    fn what_is_for_the_server_passes() {
        for inputs in [
            Inputs::default(),
            Inputs { responses: Some(r#"{"sure":1}"#.to_owned()), state: Some("mine".to_owned()) },
            // Those of another guard.
            Inputs {
                responses: Some(r#"{"perso-approval":{"action":"accept"}}"#.to_owned()),
                state: Some("perso-approval-0".to_owned()),
            },
        ] {
            let round = Round::open(inputs.clone(), true, LONG);
            assert_eq!((round.is_answer(), round.inputs()), (false, &inputs));
        }
    }

    #[test]
    fn answers_to_no_question_do_not_reach_the_server() {
        let (key, other) = (&**KEY, Uuid::now_v7().simple());
        let answer = format!(r#"{{"{key}":{{"action":"accept","content":{{"approve":true}}}},"sure":1}}"#);
        for (responses, state) in [
            (Some(answer.clone()), None),
            (Some(answer.clone()), Some("made up".to_owned())),
            (Some(answer), Some(format!("{key}-{other}"))),
            (None, Some(format!("{key}-{other}"))),
        ] {
            let round = Round::open(Inputs { responses, state }, true, LONG);
            assert_eq!((round.is_answer(), round.inputs()), (true, &Inputs::default()));
            assert!(round.asking().decided.is_empty());
        }
    }
}
