/** What both entries (`index.ts` and `portable.ts`) export besides `Policy`. */

export type { Cause, Decision, Kind, Outcome, Problem } from './decision.js';
export { type Diagnostic, JournalError, LedgerError, LoadError, PolicyError } from './errors.js';
export { Denied, META } from './guard/denied.js';
export type { DecisionEvent } from './guard/event.js';
export type { Approver, ResourceQuestion, ServerSettings, Settings } from './guard/settings.js';
export type { BaseJournal, JournalCounts, JournalSettings } from './journal.js';
export { type BaseLedger, type Question, Queue, type QueueSettings, type Verdict, type Waiting } from './ledger.js';
export type { BasePolicy, Source } from './policy.js';
export type { CompileOptions, Resolve } from './resolve.js';
export type { Call } from './value/call.js';
export { Json } from './value/json.js';
export type { Watched, WatchOptions } from './watch.js';
