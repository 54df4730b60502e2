//! What older servers leave out of their answers.

use rmcp::model::*;

/// An answer as clients of revision 2026-07-28 read it: it says that it is complete. For older clients, rmcp removes this again.
pub(super) fn completed(mut answer: ServerResult) -> ServerResult {
    let kind = match &mut answer {
        ServerResult::CallToolResult(result) => &mut result.result_type,
        ServerResult::CompleteResult(result) => &mut result.result_type,
        ServerResult::GetPromptResult(result) => &mut result.result_type,
        ServerResult::ListPromptsResult(result) => &mut result.result_type,
        ServerResult::ListResourcesResult(result) => &mut result.result_type,
        ServerResult::ListResourceTemplatesResult(result) => &mut result.result_type,
        ServerResult::ListToolsResult(result) => &mut result.result_type,
        ServerResult::ReadResourceResult(result) => &mut result.result_type,
        _ => return answer,
    };
    kind.get_or_insert(ResultType::COMPLETE);
    answer
}
