//! Records decisions in a journal.

use crate::agent::BoxError;
use crate::event::Event;
use crate::guard::Judged;
#[cfg(feature = "journal")]
use perso_core::journal::{Appended, Decided, Recorder};
#[cfg(feature = "journal")]
use serde_json::Value;
#[cfg(feature = "journal")]
use std::sync::Arc;

/// Where decisions are recorded, if anywhere.
#[derive(Clone, Default)]
pub(crate) struct Record {
    #[cfg(feature = "journal")]
    pub(crate) journal: Option<Arc<Recorder>>,
}

/// A decision that may not be written yet.
pub(crate) struct Recorded {
    /// What a call has to wait for.
    #[cfg(feature = "journal")]
    required: Option<Appended>,
}

impl Recorded {
    /// Waits until the decision is written, if a call must not run before.
    ///
    /// # Errors
    ///
    /// If it could not be written.
    #[cfg_attr(not(feature = "journal"), expect(clippy::unused_async, reason = "it waits with the feature `journal`"))]
    pub(crate) async fn written(self) -> Result<(), BoxError> {
        #[cfg(feature = "journal")]
        if let Some(appended) = self.required {
            appended.written().await?;
        }
        Ok(())
    }
}

impl Record {
    /// Records a decision.
    ///
    /// # Errors
    ///
    /// If it has to be recorded, and cannot be.
    #[cfg(feature = "journal")]
    pub(crate) fn decision(&self, event: &Event<'_>, judged: &Judged<'_>) -> Result<Recorded, BoxError> {
        let Some(recorder) = &self.journal else { return Ok(Recorded { required: None }) };
        let who = judged.who();
        let agent = who.and_then(|caller| caller.agent()).map_or(&Value::Null, |agent| agent.attributes());
        let args = judged.args.shown().unwrap_or(&Value::Null);
        let mut decided = Decided::new(&judged.policy, event.tool, args, agent, event.decision);
        decided.id = event.id;
        decided.session = who.and_then(|caller| caller.session.as_deref());
        decided.approved_by = event.approved_by;
        decided.enforced = event.enforced || event.decision.is_allowed();
        decided.duration = event.duration;
        match recorder.record(&decided) {
            Ok(appended) => Ok(Recorded { required: recorder.is_required().then_some(appended) }),
            Err(error) if recorder.is_required() => Err(error.into()),
            // The journal counts it.
            Err(_) => Ok(Recorded { required: None }),
        }
    }

    /// There is no journal.
    #[cfg(not(feature = "journal"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "it records with the feature `journal`")]
    pub(crate) fn decision(&self, _event: &Event<'_>, _judged: &Judged<'_>) -> Result<Recorded, BoxError> {
        Ok(Recorded {})
    }
}
