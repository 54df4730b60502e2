/** Tells whoever listens in the process: on Node's `diagnostics_channel`, `perso:decision`, where there is one. */

import type { channel as Channel } from 'node:diagnostics_channel';
import { builtin } from '../platform.js';
import type { DecisionEvent } from './event.js';

const channel = builtin<{ channel: typeof Channel }>('node:diagnostics_channel')?.channel('perso:decision');

/** Publishes a decision that was made. No values of arguments are in it. */
export function publish(event: DecisionEvent): void {
	channel?.publish(event);
}

/** Whether somebody listens. */
publish.isHeard = (): boolean => channel?.hasSubscribers === true;
