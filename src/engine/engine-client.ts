import type { Worker } from 'node:worker_threads';
import type {
  AnswerOf,
  CallName,
  ClientMessage,
  EngineMessage,
  EnginePort,
  RequestOf,
  StateChanges,
} from './protocol.ts';

/**
 * The client's end. `onEnd` is told when the engine's thread ends without being asked to; calls under way are then
 * rejected.
 */
export function connectEngine(worker: Worker, onEnd: (why: string) => void): EnginePort {
  let nextId = 0;
  let closing: (() => void) | undefined;
  let ended: string | undefined;
  const pending = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  const listeners = new Set<(changes: StateChanges) => void>();
  const end = (why: string): void => {
    if (ended !== undefined) return;
    ended = why;
    for (const { reject } of pending.values()) reject(new Error(why));
    pending.clear();
    if (closing) closing();
    else onEnd(why);
  };
  const send = (message: ClientMessage): void => worker.postMessage(message);
  worker.on('message', (message: EngineMessage) => {
    switch (message.type) {
      case 'changes':
        for (const listener of listeners) listener(message.changes);
        return;
      case 'answer':
        pending.get(message.id)?.resolve(message.answer as never);
        pending.delete(message.id);
        return;
      case 'failure':
        pending.get(message.id)?.reject(new Error(message.message));
        pending.delete(message.id);
        return;
      case 'closed':
        end('the engine was closed');
    }
  });
  worker.on('error', (error: Error) => end(`the engine failed: ${error.message}`));
  worker.on('exit', (code) => end(`the engine ended with code ${code}`));
  return {
    call<C extends CallName>(name: C, request: RequestOf<C>, signal?: AbortSignal): Promise<AnswerOf<C>> {
      if (ended !== undefined) return Promise.reject(new Error(ended));
      nextId += 1;
      const id = nextId;
      return new Promise<AnswerOf<C>>((resolve, reject) => {
        const cancel = (): void => {
          if (!pending.delete(id)) return;
          send({ type: 'cancel', id });
          reject(new Error('cancelled'));
        };
        const over = (): void => signal?.removeEventListener('abort', cancel);
        pending.set(id, {
          resolve: (answer) => {
            over();
            (resolve as (answer: never) => void)(answer);
          },
          reject: (error) => {
            over();
            reject(error);
          },
        });
        send({ type: 'call', id, name, request });
        if (signal?.aborted) cancel();
        else signal?.addEventListener('abort', cancel, { once: true });
      });
    },
    subscribe(listener) {
      if (listeners.size === 0) send({ type: 'subscribe' });
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      if (ended !== undefined) return Promise.resolve();
      return new Promise<void>((resolve) => {
        closing = resolve;
        send({ type: 'close' });
      });
    },
  };
}
