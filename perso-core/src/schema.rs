//! What editors know of policies.

/// The JSON Schema (2020-12) of policy documents, for editors that complete and check them.
///
/// It is a little more lenient than [`check`](crate::check::check()): names that must fit one another, and what a number
/// may be, only the compiler looks at. What it refuses, the compiler refuses too.
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(perso_core::schema()).unwrap();
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// ```
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../policy.schema.json")
}
