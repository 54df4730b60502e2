//! One instance of a module with the memory to read calls into. A worker judges one call at a time.

use super::load::Loaded;
use super::obligations::{Held, MOST_READ, Obligations, Refusal};
use crate::decision;
use crate::module::{Answer, abi};
use perso_decode::layout::kind;
use perso_decode::limits::{INPUT_BYTES, OBLIGATIONS, WORK_BYTES};
use perso_decode::{Code, Error, Number, Outcome};
use std::sync::Arc;
use wasmi::{Config, Engine, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, TypedFunc};

/// What workers are made from.
#[derive(Clone)]
pub(super) struct Seed {
    /// The module, already found good, as far as it runs here.
    pub(super) module: Arc<[u8]>,
    pub(super) config: Config,
    /// Fuel for one call.
    pub(super) fuel: u64,
    /// The ABI that the manifest says it has.
    pub(super) abi: u32,
    /// Whether the policy has obligations.
    pub(super) obliges: bool,
}

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The call is at fault.
    Call(Error),
    /// The policy does not know the tool.
    UnknownTool,
    /// The module could not be started.
    Start,
    /// The module's memory is too small for the call.
    Memory,
    /// The module stopped before it answered.
    Trap,
    /// The module ran for too long.
    Fuel,
    /// The module answered with something that is no answer.
    Answer,
}

impl Failure {
    /// In words.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Call(error) => error.code().message(),
            Self::UnknownTool => "the tool is unknown",
            Self::Start => "the module cannot be started",
            Self::Memory => "the module's memory is too small for the call",
            Self::Trap => "the module stopped before it answered",
            Self::Fuel => "the module ran for too long",
            Self::Answer => "the module's answer is invalid",
        }
    }
}

/// Bytes of a page of a module's memory.
const PAGE: usize = 1 << 16;

/// The most memory that an instance gets, in bytes: for the largest frame, and 1 MiB for what stands before it. The
/// portable entry may need more, but is not used here.
const MOST: usize = WORK_BYTES + (1 << 20);

/// Memory that an instance has for frames from its start on, in bytes: for a call that is not large.
const ROOM: usize = 1 << 14;

/// A module's instance. Calls are read into its memory; those that are too large for that into memory of their own.
pub(super) struct Worker {
    seed: Seed,
    /// Made at the first call, and again after a trap.
    instance: Option<Running>,
}

struct Running {
    store: Store<StoreLimits>,
    memory: Memory,
    frame: u32,
    decide: TypedFunc<i32, i64>,
    /// Only if the policy has obligations.
    obligations: Option<TypedFunc<i32, i32>>,
    /// Whether it has more memory than at the start.
    has_grown: bool,
}

impl Worker {
    pub(super) fn new(seed: &Seed) -> Self {
        Self { seed: seed.clone(), instance: None }
    }

    /// Makes the instance.
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.instance = Some(start(&self.seed)?);
        Ok(())
    }

    /// Judges the call whose frame `read` writes; `text` is how much more memory than a frame that may take. Gives what has to
    /// be remembered of the call too, if it may run and there is something.
    pub(super) fn judge<'p>(
        &mut self,
        loaded: &'p Loaded,
        text: usize,
        read: impl Fn(&mut [u8]) -> Result<Outcome, Error>,
    ) -> Result<(Answer, Option<Owed<'p>>), Failure> {
        let running = match &mut self.instance {
            Some(running) => running,
            none => none.insert(start(&self.seed).map_err(|_| Failure::Start)?),
        };
        // The memory that a large call was read into, with the strings that are kept.
        let mut large = None;
        let frame = match read(running.room()) {
            Err(error) if error.code() == Code::Heap => read_large(text, read).and_then(|(memory, frame)| {
                running.copy(memory.get(..frame).unwrap_or_default())?;
                large = Some(memory);
                Ok(())
            }),
            outcome => taken(outcome).map(|_| ()),
        };
        let result = frame.and_then(|()| running.decide(self.seed.fuel)).and_then(|answer| {
            let owed = match answer.outcome {
                decision::Outcome::Deny => None,
                _ => running.owed(loaded, large.as_deref())?,
            };
            Ok((answer, owed))
        });
        let is_sound = matches!(result, Ok(_) | Err(Failure::Call(_) | Failure::UnknownTool));
        if !is_sound || running.has_grown {
            // Whatever it was doing, it does not go on; and no instance keeps the memory of a large call.
            self.instance = None;
        }
        result
    }
}

/// How long the frame is, if there is one.
fn taken(outcome: Result<Outcome, Error>) -> Result<usize, Failure> {
    match outcome {
        Ok(Outcome::Frame(length)) => Ok(length),
        Ok(Outcome::UnknownTool) => Err(Failure::UnknownTool),
        Err(error) => Err(Failure::Call(error)),
    }
}

/// The frame of a call that needs more memory than an instance has: the memory, and how much of it the frame takes.
#[cold]
fn read_large(text: usize, read: impl Fn(&mut [u8]) -> Result<Outcome, Error>) -> Result<(Vec<u8>, usize), Failure> {
    // For a frame, and the strings of the text: as they are, and what is read off them.
    let mut memory = vec![0; 4 * ROOM + 2 * text.min(INPUT_BYTES)];
    loop {
        match read(&mut memory) {
            Err(error) if error.code() == Code::Heap && memory.len() < WORK_BYTES => {
                memory.resize((memory.len() * 4).min(WORK_BYTES), 0);
            }
            outcome => return taken(outcome).map(|frame| (memory, frame)),
        }
    }
}

impl Running {
    /// The memory for a frame.
    fn room(&mut self) -> &mut [u8] {
        self.memory.data_mut(&mut self.store).get_mut(self.frame as usize..).unwrap_or_default()
    }

    /// Takes over a frame that was written elsewhere.
    #[cold]
    fn copy(&mut self, frame: &[u8]) -> Result<(), Failure> {
        let missing = frame.len().saturating_sub(self.room().len());
        if missing > 0 {
            self.has_grown = true;
            self.memory.grow(&mut self.store, missing.div_ceil(PAGE) as u64).map_err(|_| Failure::Memory)?;
        }
        self.room().get_mut(..frame.len()).ok_or(Failure::Memory)?.copy_from_slice(frame);
        Ok(())
    }

    /// Judges the frame in the memory.
    fn decide(&mut self, fuel: u64) -> Result<Answer, Failure> {
        self.store.set_fuel(fuel).map_err(|_| Failure::Start)?;
        let packed = self.decide.call(&mut self.store, self.frame as i32).map_err(|error| {
            if error.as_trap_code() == Some(wasmi::TrapCode::OutOfFuel) { Failure::Fuel } else { Failure::Trap }
        })?;
        Answer::unpack(packed).ok_or(Failure::Answer)
    }
}

/// What has to be remembered of a call, or why it cannot be.
pub(super) type Owed<'p> = Result<Obligations<'p>, Refusal<'p>>;

impl Running {
    /// What has to be remembered of the call whose frame has just been judged; `None` if there is nothing. `large` is the
    /// memory that the call was read into, if it is not the instance's.
    fn owed<'p>(&mut self, loaded: &'p Loaded, large: Option<&[u8]>) -> Result<Option<Owed<'p>>, Failure> {
        let Some(obligations) = &self.obligations else { return Ok(None) };
        let list = obligations.call(&mut self.store, self.frame as i32).map_err(|error| {
            if error.as_trap_code() == Some(wasmi::TrapCode::OutOfFuel) { Failure::Fuel } else { Failure::Trap }
        })? as u32 as usize;
        let memory = self.memory.data(&self.store);
        let frame = memory.get(self.frame as usize..).unwrap_or_default();
        // Strings are kept at the end of the memory that the call was read into.
        let kept = large.unwrap_or(frame);
        let word = |at: usize| get(memory, at).map(u32::from_le_bytes).ok_or(Failure::Answer);
        let end = word(list)? as usize;
        let mut at = list + 4;
        let mut owed = Ok(Obligations::default());
        let mut count = 0;
        while at < end {
            count += 1;
            if count > OBLIGATIONS {
                return Err(Failure::Answer);
            }
            let obligation = loaded.obligations.get(word(at)? as usize).ok_or(Failure::Answer)?;
            let mut values = [const { Held::Other(kind::MISSING) }; MOST_READ];
            let values = values.get_mut(..obligation.reads()).ok_or(Failure::Answer)?;
            for value in &mut *values {
                at += 4;
                *value = held(frame, word(at)? as usize, kept).ok_or(Failure::Answer)?;
            }
            at += 4;
            owed = owed.and_then(|mut owed| obligation.add(values, &mut owed).map(|()| owed));
        }
        Ok(Some(owed).filter(|owed| !matches!(owed, Ok(none) if none.is_empty())))
    }
}

/// The value of a record.
fn held<'m>(frame: &[u8], record: usize, kept: &'m [u8]) -> Option<Held<'m>> {
    let part = |index: usize| get(frame, record + 8 * index).map(u64::from_le_bytes);
    let state = part(0)? as u32;
    Some(match state {
        kind::FALSE | kind::TRUE => Held::Boolean(state == kind::TRUE),
        kind::NUMBER => Held::Number(Number { head: part(1)? as i64, high: part(2)?, low: part(3)? }),
        kind::STRING => {
            let start = kept.len().checked_sub(usize::try_from(part(1)?).ok()?)?;
            let length = usize::try_from(part(2)?).ok().filter(|length| *length <= INPUT_BYTES)?;
            let text = kept.get(start..)?.get(..length)?;
            Held::Text(std::str::from_utf8(text).ok()?)
        }
        other => Held::Other(other),
    })
}

fn get<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn start(seed: &Seed) -> Result<Running, String> {
    // An engine of its own: what an engine keeps for its stores is behind locks and counters that every call touches,
    // and threads would wait for each other there.
    let said = |error: wasmi::Error| error.to_string();
    let engine = Engine::new(&seed.config);
    let module = Module::new(&engine, &seed.module).map_err(said)?;
    let mut store = Store::new(&engine, StoreLimitsBuilder::new().memory_size(MOST).build());
    store.limiter(|limits| limits);
    store.set_fuel(seed.fuel).map_err(said)?;
    let instance = Instance::new(&mut store, &module, &[]).map_err(said)?;
    let memory = instance.get_memory(&store, abi::MEMORY).ok_or("it has no memory")?;
    let frame = instance.get_global(&store, abi::FRAME).and_then(|global| global.get(&store).i32());
    let frame = frame.ok_or("it does not export the address of a frame")? as u32;
    let version = instance.get_typed_func::<(), i32>(&store, abi::ABI).map_err(said)?;
    if version.call(&mut store, ()).map_err(said)? as u32 != seed.abi {
        return Err("its code and its manifest have different ABIs".to_owned());
    }
    let decide = instance.get_typed_func::<i32, i64>(&store, abi::DECIDE).map_err(said)?;
    let obligations = match seed.obliges {
        false => None,
        true => Some(instance.get_typed_func::<i32, i32>(&store, abi::OBLIGATIONS).map_err(said)?),
    };
    let mut running = Running { store, memory, frame, decide, obligations, has_grown: false };
    let missing = ROOM.saturating_sub(running.room().len());
    // A module that has no room for a frame, nor can get it, denies each call by itself.
    let _ = memory.grow(&mut running.store, missing.div_ceil(PAGE) as u64);
    Ok(running)
}
