//! From a call to its frame: the natively run half of the fast way in. JSON text is read by [`perso_decode::call`];
//! here are calls that are put together from parts.

mod value;

use jiff::Timestamp;
use perso_decode::{Code, Error, Frame, Outcome, Place, Table, call, frame};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

/// A call, put together part by part.
///
/// ```
/// use perso_core::{Call, Part};
/// use serde_json::json;
///
/// let session = json!({ "id": "agt-099", "roles": ["agent"] });
/// let call = Call::new("process_refund")
///     .args(Part::Json(br#"{ "amount": 800.00 }"#)) // as it came over the wire
///     .agent(&session)                              // from the host's own session
///     .context(json!({ "server": "crm" }));
/// # let _ = call;
/// ```
#[derive(Debug, Clone)]
pub struct Call<'c> {
    tool: Cow<'c, str>,
    parts: [Part<'c>; PLACES.len()],
    time: Time,
}

/// What `context.now` is if the context has none.
#[derive(Debug, Clone, Default)]
enum Time {
    /// Missing.
    #[default]
    Absent,
    /// This text.
    At(String),
    /// Anything.
    Open,
}

/// A part of a call: `args`, `agent`, `resource`, `context` or `session`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Part<'c> {
    /// Not there: everything in it is missing.
    #[default]
    Absent,
    /// JSON text of an object or null. Read just as the part of a call's text would be.
    Json(&'c [u8]),
    /// An object or null.
    Value(Cow<'c, Value>),
    /// An object or null of another programming language.
    #[doc(hidden)]
    Source(&'c dyn Source),
    /// Not known yet: everything in it may be anything. A denial is final.
    Open,
    /// Nothing may be concluded from it. An allow is final.
    Withheld,
}

/// A part of a call whose values are those of another programming language.
pub trait Source: fmt::Debug + Sync {
    /// Tells a frame of the part. A call that turns out to be large is read again, so the same must be told each time.
    ///
    /// # Errors
    ///
    /// What the frame fails with, and [`Code::Part`] where this is neither an object nor null.
    fn write(&self, frame: &mut Frame<'_, '_>, part: Place) -> Result<(), Error>;

    /// Whether this is a part at all, where the policy reads nothing of it.
    ///
    /// # Errors
    ///
    /// [`Code::Part`] where this is neither an object nor null.
    fn check(&self) -> Result<(), Error>;
}

impl<'c> From<&'c Value> for Part<'c> {
    fn from(value: &'c Value) -> Self {
        Self::Value(Cow::Borrowed(value))
    }
}

impl From<Value> for Part<'_> {
    fn from(value: Value) -> Self {
        Self::Value(Cow::Owned(value))
    }
}

impl From<Map<String, Value>> for Part<'_> {
    fn from(map: Map<String, Value>) -> Self {
        Self::Value(Cow::Owned(Value::Object(map)))
    }
}

/// Which of [`Call`]'s parts is which.
const ARGS: usize = 0;
const AGENT: usize = 1;
const RESOURCE: usize = 2;
const CONTEXT: usize = 3;
const SESSION: usize = 4;
const PLACES: [Place; 5] = [Place::ARGS, Place::AGENT, Place::RESOURCE, Place::CONTEXT, Place::SESSION];

impl<'c> Call<'c> {
    /// A call to a tool, with nothing else yet.
    pub fn new(tool: impl Into<Cow<'c, str>>) -> Self {
        Self { tool: tool.into(), parts: Default::default(), time: Time::Absent }
    }

    #[expect(clippy::indexing_slicing, reason = "the index is one of the constants")]
    fn with(mut self, part: usize, value: Part<'c>) -> Self {
        self.parts[part] = value;
        self
    }

    /// Sets the arguments.
    #[must_use]
    pub fn args(self, part: impl Into<Part<'c>>) -> Self {
        self.with(ARGS, part.into())
    }

    /// Sets the caller, as the host knows it.
    #[must_use]
    pub fn agent(self, part: impl Into<Part<'c>>) -> Self {
        self.with(AGENT, part.into())
    }

    /// Sets the caller's roles: `agent.roles`. Other attributes of the caller stay as they are.
    ///
    /// ```
    /// use perso_core::Call;
    ///
    /// let call = Call::new("process_refund").agent_attribute("id", "ann").roles(["agent", "manager"]);
    /// # let _ = call;
    /// ```
    #[must_use]
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let roles = roles.into_iter().map(|role| Value::String(role.into())).collect();
        self.piece(AGENT, "roles".to_owned(), Value::Array(roles))
    }

    /// Sets what the call is about, as the host knows it.
    #[must_use]
    pub fn resource(self, part: impl Into<Part<'c>>) -> Self {
        self.with(RESOURCE, part.into())
    }

    /// Sets everything else that the host knows.
    #[must_use]
    pub fn context(self, part: impl Into<Part<'c>>) -> Self {
        self.with(CONTEXT, part.into())
    }

    /// Sets what the host remembers of earlier calls of the same session: `session.id`, and `session.labels`.
    #[must_use]
    pub fn session(self, part: impl Into<Part<'c>>) -> Self {
        self.with(SESSION, part.into())
    }

    /// Sets the time of the call: `context.now`, if the context has no `now` of its own.
    ///
    /// Rules read it as text in RFC 3339, in UTC and to the millisecond: `2026-11-28T22:30:00.123Z`. A time that this cannot
    /// express (before the year 0 or after 9999) is missing. Take the time from your own clock, and only if the policy
    /// [reads it](crate::Policy::reads_time). Guards do this by themselves.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::Call;
    /// use std::time::SystemTime;
    ///
    /// # let policy = perso_core::Policy::compile(r#"{ "perso": 1, "rules": [
    /// #     { "id": "r", "allow": "process_refund", "when": { "context.now": { "starts_with": "2" } } }
    /// # ] }"#).unwrap();
    /// let mut call = Call::new("process_refund").arg("amount", 800);
    /// if policy.reads_time() {
    ///     call = call.at(SystemTime::now());
    /// }
    /// assert!(policy.decide(&call).is_allowed());
    /// # }
    /// ```
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = text(time).map_or(Time::Absent, Time::At);
        self
    }

    /// Sets one argument. Arguments that were set otherwise than as an object (as text, open, …) are replaced.
    #[must_use]
    pub fn arg(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.piece(ARGS, key.into(), value.into())
    }

    /// Sets one attribute of the caller.
    #[must_use]
    pub fn agent_attribute(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.piece(AGENT, key.into(), value.into())
    }

    /// Sets one attribute of what the call is about.
    #[must_use]
    pub fn resource_attribute(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.piece(RESOURCE, key.into(), value.into())
    }

    /// Sets one attribute of the context.
    #[must_use]
    pub fn context_attribute(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.piece(CONTEXT, key.into(), value.into())
    }

    #[expect(clippy::indexing_slicing, reason = "the index is one of the constants")]
    fn piece(mut self, part: usize, key: String, value: Value) -> Self {
        let mut map = match std::mem::take(&mut self.parts[part]) {
            Part::Value(object) => match object.into_owned() {
                Value::Object(map) => map,
                _ => Map::new(),
            },
            _ => Map::new(),
        };
        map.insert(key, value);
        self.parts[part] = Part::from(map);
        self
    }

    /// The same call at some time with some arguments and some resource. A time that it has stays.
    pub(crate) fn with_the_rest_open(&self) -> Self {
        self.with_resource_and_time_open().args(Part::Open)
    }

    /// The same call at some time with some resource. A time that it has stays.
    pub(crate) fn with_resource_and_time_open(&self) -> Self {
        let mut call = Self::clone(self).resource(Part::Open);
        if matches!(call.time, Time::Absent) {
            call.time = Time::Open;
        }
        call
    }

    pub(crate) fn with_resource(&self, part: Part<'c>) -> Self {
        Self::clone(self).resource(part)
    }

    /// Writes the call's frame to the front of `memory`.
    pub(crate) fn read(&self, table: Table<'_>, memory: &mut [u8]) -> Result<Outcome, Error> {
        let outcome = frame::write(table, memory, &self.tool, |frame| {
            self.parts.iter().zip(PLACES).try_for_each(|(part, place)| match part {
                Part::Absent => Ok(()),
                Part::Json(text) => call::read_part(frame, place, text),
                Part::Value(value) => value::part(frame, place, value),
                Part::Source(source) => source.write(frame, place),
                Part::Open => frame.unknown(place, true),
                Part::Withheld => frame.unknown(place, false),
            })?;
            match &self.time {
                Time::Absent => Ok(()),
                Time::At(now) => frame.time(now),
                Time::Open => frame.open_time(),
            }
        })?;
        if outcome == Outcome::UnknownTool {
            self.parts.iter().try_for_each(well_formed)?;
        }
        Ok(outcome)
    }
}

/// Judges a call that is one JSON value.
pub(crate) fn read_value(call: &Value, table: Table<'_>, memory: &mut [u8]) -> Result<Outcome, Error> {
    let Value::Object(call) = call else { return Err(Code::Call.anywhere()) };
    let mut parts: [Part<'_>; PLACES.len()] = Default::default();
    let mut tool = None;
    for (key, value) in call {
        let part = match key.as_str() {
            "tool" => {
                tool = Some(value.as_str().ok_or(Code::Tool.anywhere())?);
                continue;
            }
            "args" => &mut parts[ARGS],
            "agent" => &mut parts[AGENT],
            "resource" => &mut parts[RESOURCE],
            "context" => &mut parts[CONTEXT],
            "session" => &mut parts[SESSION],
            _ => return Err(Code::Key.anywhere()),
        };
        *part = Part::from(value);
    }
    let tool = Cow::Borrowed(tool.ok_or(Code::NoTool.anywhere())?);
    Call { tool, parts, time: Time::Absent }.read(table, memory)
}

/// A time as RFC 3339 has it, in UTC and to the millisecond; `None` if its year is not one of 0 to 9999.
fn text(time: SystemTime) -> Option<String> {
    // Without rounding: a call is never judged later than it is made.
    let text = format!("{:.3}", Timestamp::try_from(time).ok()?);
    text.starts_with(|first: char| first.is_ascii_digit()).then_some(text)
}

/// Whether a part is what it must be, where no policy reads it.
fn well_formed(part: &Part<'_>) -> Result<(), Error> {
    match part {
        Part::Json(text) => call::check_part(text),
        Part::Source(source) => source.check(),
        Part::Value(value) if !matches!(**value, Value::Object(_) | Value::Null) => Err(Code::Part.anywhere()),
        _ => Ok(()),
    }
}
