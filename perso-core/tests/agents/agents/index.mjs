/**
 * The coding agents. Each has
 *
 * - `name`: its name for `perso hook`;
 * - `version`: the version that is tested;
 * - `settings`: the file in which it finds its hooks, and `hook`, a hook there with this command and possibly more keys;
 * - `start`: how it starts in a world, with a model at this address. It works by itself, and its own permissions allow every
 *   call unless `args` has other flags. With `servers` it has these MCP servers, and with
 *   `patches` a tool for patches, where it has that only for some models;
 * - `calls`: the tool calls of its model that do what the name says.
 */

import { claude } from './claude.mjs';
import { codex } from './codex.mjs';
import { copilot } from './copilot.mjs';
import { gemini } from './gemini.mjs';
import { opencode } from './opencode.mjs';

export const AGENTS = [claude, codex, gemini, copilot, opencode];
