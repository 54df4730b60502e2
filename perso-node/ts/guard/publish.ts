/** Publishes decisions on the channel `perso:decision` of Node's `diagnostics_channel`, where the platform has it. */

import type { channel as Channel } from 'node:diagnostics_channel';
import { builtin } from '../platform.js';
import type { DecisionEvent } from './event.js';

const channel = builtin<{ channel: typeof Channel }>('node:diagnostics_channel')?.channel('perso:decision');

/** Publishes a decision. The event does not contain the call's arguments. */
export function publish(event: DecisionEvent): void {
	channel?.publish(event);
}

/** Whether the channel has subscribers. */
publish.isHeard = (): boolean => channel?.hasSubscribers === true;
