//! Stage 2: from the syntax tree to the checked policy.

mod decimal;
mod policy;

pub use decimal::Decimal;
pub use policy::*;
