/** What a process that stands in a pane for weeks keeps of the memory it took to start. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Room for young objects of a thread, in megabytes: more makes it no quicker, and is never given back. */
export const YOUNG_MB = 12;

/** Until {@link giveBackMemory}, no thread takes more room for young objects than it has: what is loaded stays anyway. */
export function stayYoung(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Gives back what this thread needed for a while and needs no more: some 20 ms, in which it does nothing else. By itself
 * Node keeps such memory for as long as nothing new is made, which for a cockpit at rest is for ever.
 */
export function giveBackMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: {
    readonly type: 'major';
    readonly flavor: 'last-resort';
  }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}
