import { ToolMessage } from '@langchain/core/messages';
import type { Denied } from '../guard/denied.js';

/** The tool message that answers a denied call. */
export function denial(denied: Denied, id: string | undefined): ToolMessage {
	return new ToolMessage({
		name: denied.tool,
		content: denied.message,
		status: 'error',
		tool_call_id: id ?? '',
		artifact: denied.meta(),
	});
}
