//! Calls that have become tasks. `tasks/update` continues such a call, or runs its tool again, with arguments that the
//! server has kept. So the guard keeps them too, and judges an update like the original call, with the caller who sends
//! the update.

use crate::args::Args;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The maximum size of all stored calls, in bytes. Beyond it, the oldest are dropped, and updates of their tasks are
/// denied.
const BYTES: usize = 1 << 24;

/// The approximate size of a stored call without its texts, in bytes.
const OVERHEAD: usize = 256;

/// A call that may become a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TaskCall {
    pub(crate) tool: String,
    /// The arguments as JSON.
    pub(crate) args: Option<String>,
}

impl TaskCall {
    pub(crate) fn args(&self) -> Args<'_> {
        self.args.as_deref().map_or(Args::Absent, Args::Text)
    }

    fn bytes(&self, task: &str) -> usize {
        OVERHEAD + 2 * task.len() + self.tool.len() + self.args.as_deref().map_or(0, str::len)
    }
}

/// The calls that have become tasks, by the task ids that servers have assigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    calls: HashMap<String, Arc<TaskCall>>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Tasks {
    /// Stores a call that has become a task. A task keeps its first call: an id that is already known changes nothing.
    pub(crate) fn insert(&self, task: &str, call: TaskCall) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.calls.contains_key(task) {
            return;
        }
        known.bytes += call.bytes(task);
        known.calls.insert(task.to_owned(), Arc::new(call));
        known.order.push_back(task.to_owned());
        while known.bytes > BYTES
            && let Some(oldest) = known.order.pop_front()
        {
            let bytes = known.calls.remove(&oldest).map_or(0, |call| call.bytes(&oldest));
            known.bytes -= bytes;
        }
    }

    /// Returns the call that became this task.
    pub(crate) fn call(&self, task: &str) -> Option<Arc<TaskCall>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.get(task).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tool: &str, args: usize) -> TaskCall {
        TaskCall { tool: tool.to_owned(), args: Some("x".repeat(args)) }
    }

    #[test]
    fn a_task_is_of_the_call_that_it_came_from() {
        let tasks = Tasks::default();
        tasks.insert("1", call("wipe", 1));
        tasks.insert("1", call("pay", 1));
        assert_eq!(tasks.call("1").as_deref(), Some(&call("wipe", 1)));
        assert_eq!(tasks.call("2"), None);
    }

    #[test]
    fn the_oldest_make_place() {
        let tasks = Tasks::default();
        for task in 0..40 {
            tasks.insert(&task.to_string(), call("t", 1 << 20));
        }
        let known = tasks.0.lock().unwrap();
        assert!(known.bytes <= BYTES && known.calls.len() == known.order.len());
        assert_eq!(known.calls.len(), 15);
        assert!(known.calls.contains_key("39") && !known.calls.contains_key("24"));
        assert_eq!(known.bytes, known.calls.iter().map(|(task, call)| call.bytes(task)).sum::<usize>());
    }
}
