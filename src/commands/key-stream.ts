import type { KeyEvent } from '../lib/key-event.ts';

/** Where keys come from. */
export interface KeyStream {
  /** Returns the end of the subscription. */
  subscribe(listener: (event: KeyEvent) => void): () => void;
}
