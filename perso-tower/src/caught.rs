//! Runs code that the host provides. A panic in it becomes an error, so the call still gets an answer.

use crate::agent::BoxError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a function.
pub(crate) fn call<T>(function: impl FnOnce() -> T) -> Result<T, BoxError> {
    // Unwind safe: the function has no access to the guard's state, only to its own.
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| error(&*panic))
}

/// Runs a future. It is not polled again after a panic.
pub(crate) async fn future<F: Future>(future: F) -> Result<F::Output, BoxError> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match call(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

fn error(panic: &(dyn Any + Send)) -> BoxError {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message")).into()
}
