//! The engines, each as its users would put it in front of tool calls that arrive as JSON text.

mod casbin;
mod cedar;
mod cel;
pub mod handwritten;
mod json;
pub mod perso;
mod regorus;

use crate::limits::Limit;
use std::any::Any;
use std::hint::black_box;
use std::marker::PhantomData;

/// Texts of calls. They live as long as the run, because a prepared call may borrow from its text.
pub type Calls = &'static [&'static [u8]];

/// What is deployed: the policy as the engine reads it, and its data if there is any apart.
pub struct Source {
    pub policy: Vec<u8>,
    pub data: Vec<u8>,
}

impl Source {
    fn of(policy: impl Into<Vec<u8>>) -> Self {
        Self { policy: policy.into(), data: Vec::new() }
    }

    fn with_data(policy: impl Into<Vec<u8>>, data: impl Into<Vec<u8>>) -> Self {
        Self { policy: policy.into(), data: data.into() }
    }

    fn policy(&self) -> &str {
        str::from_utf8(&self.policy).expect("a policy is text")
    }

    fn data(&self) -> &str {
        str::from_utf8(&self.data).expect("data is text")
    }
}

/// A policy, loaded.
trait Engine: Sized {
    /// A call in the form that the engine judges.
    type Call<'c>;

    fn load(source: &Source) -> Self;

    /// Nothing where the text is no call or has no such form, and is denied for that.
    fn read<'c>(&self, json: &'c [u8]) -> Option<Self::Call<'c>>;

    /// An error of the engine is a denial.
    fn judge(&mut self, call: &Self::Call<'_>) -> bool;

    fn decide(&mut self, json: &[u8]) -> bool {
        match self.read(json) {
            Some(call) => self.judge(&call),
            None => false,
        }
    }
}

/// Makes an engine's policy of many tools' limits.
pub type OfLimits = fn(&[Limit]) -> Box<dyn Bench>;

/// An engine in one of the forms in which it may be used.
pub struct Peer {
    pub name: &'static str,
    /// How it is used, in a few words; empty where there is one way only.
    pub form: &'static str,
    /// What its ratios are called.
    pub key: &'static str,
    /// With the support desk's policy.
    pub desk: Box<dyn Bench>,
    /// With a rule for each of many tools.
    pub limits: Option<OfLimits>,
}

impl Peer {
    pub fn title(&self) -> String {
        if self.form.is_empty() { self.name.to_owned() } else { format!("{}, {}", self.name, self.form) }
    }
}

/// All of them: perso first, and then the check by hand in its two forms.
pub fn peers() -> Vec<Peer> {
    let mut peers = vec![perso::peer()];
    peers.extend(handwritten::peers());
    peers.extend(cedar::peers());
    peers.extend(regorus::peers());
    peers.push(cel::peer());
    peers.extend(casbin::peers());
    peers
}

/// What is measured of an engine with a policy.
pub trait Bench {
    fn decisions(&self, calls: &[&[u8]]) -> Vec<bool>;
    /// Decides each call once, from its text.
    fn unprepared(&self, calls: Calls) -> Box<dyn FnMut()>;
    /// Decides each call once, from the form that the engine judges.
    fn prepared(&self, calls: Calls) -> Box<dyn FnMut()>;
    /// Loads the policy and lets go of it.
    fn load(&self) -> Box<dyn FnMut() + '_>;
    /// So many copies of the policy, loaded, each of which has judged the calls.
    fn hold(&self, copies: usize, calls: Calls) -> Box<dyn Any>;
    /// Bytes of what is deployed.
    fn size(&self) -> usize;
}

struct Setup<E> {
    source: Source,
    engine: PhantomData<E>,
}

fn setup<E: Engine + 'static>(source: Source) -> Box<dyn Bench> {
    Box::new(Setup::<E> { source, engine: PhantomData })
}

impl<E: Engine + 'static> Bench for Setup<E> {
    fn decisions(&self, calls: &[&[u8]]) -> Vec<bool> {
        let mut engine = E::load(&self.source);
        calls.iter().map(|call| engine.decide(call)).collect()
    }

    fn unprepared(&self, calls: Calls) -> Box<dyn FnMut()> {
        let mut engine = E::load(&self.source);
        Box::new(move || {
            for call in calls {
                black_box(engine.decide(black_box(call)));
            }
        })
    }

    fn prepared(&self, calls: Calls) -> Box<dyn FnMut()> {
        let mut engine = E::load(&self.source);
        // What has no form that the engine judges costs nothing here, and is denied.
        let calls: Vec<E::Call<'static>> = calls.iter().filter_map(|call| engine.read(call)).collect();
        Box::new(move || {
            for call in &calls {
                black_box(engine.judge(black_box(call)));
            }
        })
    }

    fn load(&self) -> Box<dyn FnMut() + '_> {
        Box::new(|| {
            black_box(E::load(black_box(&self.source)));
        })
    }

    fn hold(&self, copies: usize, calls: Calls) -> Box<dyn Any> {
        let mut engines: Vec<E> = (0..copies).map(|_| E::load(&self.source)).collect();
        for engine in &mut engines {
            for call in calls {
                black_box(engine.decide(call));
            }
        }
        Box::new(engines)
    }

    fn size(&self) -> usize {
        self.source.policy.len() + self.source.data.len()
    }
}
