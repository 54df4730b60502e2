/** LangChain: a middleware for agents, and tools that judge each call. */

export { type GuardedRequest, toolGuard } from './middleware.js';
export { guardTool } from './tool.js';
export { verify, type VerifySettings } from './verify.js';
