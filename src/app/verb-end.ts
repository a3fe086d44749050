import { watchReader } from '../host/reader-gone.ts';

/** Resolves when a verb that goes on should end: a signal asks for it, or nobody reads its output any more. */
export function verbEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
    for (const event of ['error', 'close'] as const) process.stdout.once(event, () => resolve());
    watchReader(process.stdout.fd, resolve);
  });
}
