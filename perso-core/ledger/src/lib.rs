//! Remembers what has happened before: what limits, labels and approvals of tool calls need.
//!
//! A [`Ledger`] knows nothing of policies and calls. It is given accounts and amounts, sessions and labels, and digests of calls that
//! a person is asked about; it answers whether all that a call adds fits, and then writes it, at once or not at all.
//!
//! ```
//! use std::time::Duration;
//! use perso_ledger::{Account, CallId, Charge, Commit, Committed, Value, Window};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ledger = perso_ledger::open("memory:")?;
//!
//! // At most 2000 in any 24 hours, for each agent.
//! let refund = |amount: &str| -> Result<Commit, Box<dyn std::error::Error>> {
//!     let mut commit = Commit::new(CallId::random()?);
//!     commit.charges.push(Charge {
//!         account: Account::new("refunds-a-day", [Value::Text("agt-099")]),
//!         amount: amount.parse()?,
//!         max: 2000.into(),
//!         window: Window::Sliding(Duration::from_secs(24 * 3_600)),
//!     });
//!     Ok(commit)
//! };
//!
//! assert!(ledger.commit(&refund("1500")?).await?.is_done());
//! let over = ledger.commit(&refund("500.01")?).await?;
//! assert!(matches!(over, Committed::Over { charge: 0, room_at: Some(_), .. }));
//! assert!(ledger.commit(&refund("500")?).await?.is_done());
//! # Ok(())
//! # }
//! ```
//!
//! # What holds for every store
//!
//! - **Exact**: an [`Amount`] has 18 digits after the point, and sums are exact. Windows slide by the millisecond.
//! - **All or nothing**: the charges of a [`Commit`], its labels and the use of its approval.
//! - **Once**: a retry of a commit with the same [`CallId`] adds nothing again.
//! - **Nothing that counts is forgotten**: a store that is full says so ([`LedgerError::Full`]). [`limits`] has the numbers.
//! - **The store's clock counts**, and it never goes back: a clock that is set back frees no room.
//! - **Every operation ends** within a time limit. After an error the call must not run.
//! - **No names**: accounts and sessions are digests. Only approvals hold what a person has to read.

mod amount;
mod approval;
mod commit;
mod digest;
mod error;
#[cfg(feature = "file")]
mod file;
mod fold;
mod ledger;
pub mod limits;
mod memory;
mod open;
mod options;
mod time;
#[cfg(feature = "valkey")]
mod valkey;
mod window;

pub use amount::{Amount, NotAnAmount};
pub use approval::{Approval, ApprovalId, Request, State, Verdict};
pub use commit::{CallId, Charge, Commit, Committed, Label};
pub use digest::{Account, Digest, Session, Value};
pub use error::{LedgerError, OpenError};
#[cfg(feature = "file")]
pub use file::File;
pub use ledger::Ledger;
pub use memory::Memory;
pub use open::{open, open_with};
pub use options::{MemoryLimits, Options};
pub use time::{Clock, SystemClock, Time};
#[cfg(feature = "valkey")]
pub use valkey::Valkey;
pub use window::{Bounds, Period, Unit, UnknownZone, Window};
