//! Asks a person about a call.

use crate::agent::{Agent, BoxError};
use crate::caught;
use crate::exact::Unclear;
use crate::guard::{Caller, Guard, Judged};
use perso_core::enforce::{Answer, Approvals, Asked, Pending};
use perso_core::{Decision, Policy};

/// A call that a person is asked about.
pub(crate) struct Asking<'a, R> {
    pub(crate) policy: &'a Policy,
    pub(crate) request: &'a R,
    pub(crate) caller: &'a Caller,
    pub(crate) agent: &'a Agent,
    pub(crate) judged: &'a Judged<'a>,
}

impl<R: Sync + 'static> Guard<R> {
    /// Returns whether there is somebody to ask.
    pub(crate) const fn can_ask(&self) -> bool {
        self.approver.is_some() && !self.observe
    }

    /// Asks a person about a call. Returns `None` if they have approved it, and the decision otherwise.
    pub(crate) async fn ask<'p>(
        &self,
        asking: Asking<'_, R>,
        pending: Pending<'p>,
        approvals: &mut Approvals,
    ) -> Result<Option<Decision<'p>>, BoxError> {
        let Some(approver) = self.approver.as_ref().filter(|_| self.can_ask()) else {
            return Ok(Some(pending.unasked()));
        };
        let Asking { policy, request, caller, agent, judged } = asking;
        let args = match judged.args.shown() {
            Ok(args) => args,
            Err(Unclear(why)) => return Ok(Some(Decision::not_judged(why, why))),
        };
        let asked = Asked { tool: judged.tool, args, agent: agent.attributes(), session: caller.session.as_deref() };
        let question = pending.question(policy, asked, approvals);
        let answer = caught::future(async { approver.ask(&question, request).await });
        let answer = match tokio::time::timeout(self.approval_time, answer).await {
            // It was for the policy that asked, and another one may deny the call.
            Ok(Ok(Ok(Answer::Approved(_)))) if self.policy.current().module() != policy.module() => Answer::Used,
            Ok(answer) => answer.flatten()?,
            Err(_) => Answer::Unanswered,
        };
        let decision = pending.answered(&answer);
        if let Answer::Approved(approval) = answer {
            approvals.add(&question, approval);
        }
        Ok(decision)
    }
}
