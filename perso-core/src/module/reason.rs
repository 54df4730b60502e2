//! What a caller is told where no rule has a text of its own. Shared by both ways to judge: the engine says it, and each
//! module carries it.

/// No rule applies, and the default is to allow.
pub const DEFAULT: &str = "no rule applies, and the policy allows by default";
/// No rule applies, and none is about the tool.
pub const NO_RULE: &str = "no rule allows this tool";
/// The policy lists its tools, and the call's is none of them.
pub const UNKNOWN_TOOL: &str = "the policy does not know this tool";
/// The call is not what a call must be.
pub const MALFORMED: &str = "the call can not be read";
/// The call is over a limit.
pub const LIMIT: &str = "the call is over a limit";
/// It is not the call's fault.
pub const ENGINE: &str = "the call can not be judged";

/// All of them, by the number that a module's prelude knows them by. Behind them come two for each rule: what is said
/// where it decides, and where it is the nearest.
pub const FIXED: [&str; 6] = [DEFAULT, NO_RULE, UNKNOWN_TOOL, MALFORMED, LIMIT, ENGINE];
