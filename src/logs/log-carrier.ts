/** The desk of the logs over a message port: a thread of its own on one side, who asks on the other. */
import type { MessagePort, Worker } from 'node:worker_threads';
import { type LineReaders, LogDesk } from './log-desk.ts';
import type { LogAnswer, LogCallName, LogMessage, LogPort, LogReply, LogRequest } from './log-protocol.ts';
import { Cancelled } from './pace.ts';

/** Serves a desk with these readers at a port. */
export function serveLogs(readers: LineReaders, port: MessagePort): void {
  const desk = new LogDesk(readers);
  const running = new Map<number, AbortController>();
  const send = (reply: LogReply): void => port.postMessage(reply);
  port.on('message', (message: LogMessage) => {
    switch (message.type) {
      case 'cancel':
        running.get(message.id)?.abort();
        return;
      case 'close':
        void desk.close().finally(() => {
          send({ type: 'closed' });
          port.close();
        });
        return;
      case 'call': {
        const { id, name, request } = message;
        const controller = new AbortController();
        running.set(id, controller);
        desk
          .call(name, request as LogRequest<LogCallName>, controller.signal)
          .then(
            (answer) => send({ type: 'answer', id, answer }),
            (error: unknown) => send({ type: 'failure', id, message: (error as Error).message }),
          )
          .finally(() => running.delete(id));
      }
    }
  });
}

/** The other end. A cancelled call rejects at once; its answer, should it come, is dropped. */
export function connectLogs(worker: Worker): LogPort {
  let nextId = 0;
  let ended: string | undefined;
  let closing: (() => void) | undefined;
  const pending = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  const send = (message: LogMessage): void => worker.postMessage(message);
  const end = (why: string): void => {
    ended ??= why;
    for (const { reject } of pending.values()) reject(new Error(ended));
    pending.clear();
    closing?.();
  };
  worker.on('message', (reply: LogReply) => {
    if (reply.type === 'closed') {
      end('the logs were closed');
      return;
    }
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.type === 'answer') waiting?.resolve(reply.answer as never);
    else waiting?.reject(new Error(reply.message));
  });
  worker.on('error', (error: Error) => end(`the logs' thread failed: ${error.message}`));
  worker.on('exit', () => end("the logs' thread ended"));
  return {
    call<C extends LogCallName>(
      name: C,
      request: LogRequest<C>,
      signal?: AbortSignal,
    ): Promise<LogAnswer<C>> {
      if (ended !== undefined) return Promise.reject(new Error(ended));
      if (signal?.aborted) return Promise.reject(new Cancelled());
      nextId += 1;
      const id = nextId;
      return new Promise<LogAnswer<C>>((resolve, reject) => {
        const cancel = (): void => {
          if (!pending.delete(id)) return;
          send({ type: 'cancel', id });
          reject(new Cancelled());
        };
        const over = (): void => signal?.removeEventListener('abort', cancel);
        pending.set(id, {
          resolve: (answer) => {
            over();
            resolve(answer);
          },
          reject: (error) => {
            over();
            reject(error);
          },
        });
        signal?.addEventListener('abort', cancel, { once: true });
        send({ type: 'call', id, name, request });
      });
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
