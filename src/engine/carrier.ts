/** The border carried over a message port: here the engine's side. */
import type { MessagePort } from 'node:worker_threads';
import { failureMessage } from './engine.ts';
import type { CallName, ClientMessage, EngineMessage, EnginePort, RequestOf } from './protocol.ts';

/** Serves an engine to a client at the other end of `port`. */
export function serveEngine(engine: EnginePort, port: MessagePort): void {
  const running = new Map<number, AbortController>();
  const send = (message: EngineMessage): void => port.postMessage(message);
  port.on('message', (message: ClientMessage) => {
    switch (message.type) {
      case 'subscribe':
        engine.subscribe((changes) => send({ type: 'changes', changes }));
        return;
      case 'cancel':
        running.get(message.id)?.abort();
        return;
      case 'call': {
        const { id, name, request } = message;
        const controller = new AbortController();
        running.set(id, controller);
        engine
          .call(name, request as RequestOf<CallName>, controller.signal)
          .then(
            (answer) => send({ type: 'answer', id, answer }),
            (error: unknown) => send({ type: 'failure', id, message: failureMessage(error) }),
          )
          .finally(() => running.delete(id));
        return;
      }
      case 'close':
        void engine.close().finally(() => {
          send({ type: 'closed' });
          port.close();
        });
    }
  });
}
