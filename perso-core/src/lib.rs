//! perso

#[cfg(feature = "compile")]
pub mod check;
pub mod decision;
#[cfg(feature = "compile")]
pub mod diagnostic;
#[cfg(feature = "compile")]
mod schema;
#[cfg(feature = "compile")]
pub mod span;
#[cfg(feature = "compile")]
mod syntax;

#[cfg(feature = "compile")]
pub use schema::schema;
