/** Guards for the OpenAI Agents SDK: function tools, MCP servers and a tool input guardrail. */

export { toolInputGuardrail } from './guardrail.js';
export { guardMcpServer, type GuardedMcpCall } from './server.js';
export { guardedTool, type GuardedToolCall } from './tool.js';
export { verify, type VerifySettings } from './verify.js';
