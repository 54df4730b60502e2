/** Guards for LangChain: a middleware for agents, and guarded tools. */

export { type GuardedRequest, toolGuard } from './middleware.js';
export { guardTool } from './tool.js';
export { verify, type VerifySettings } from './verify.js';
