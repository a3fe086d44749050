import { useEffect } from 'react';
import type { Dispatcher } from '../../src/commands/dispatcher.ts';
import type { KeyStream } from '../../src/commands/key-stream.ts';

/** Hands every key to the dispatcher while the screen is up. */
export function useKeys(keys: KeyStream, dispatcher: Dispatcher): void {
  useEffect(() => keys.subscribe((event) => dispatcher.handle(event)), [keys, dispatcher]);
}
