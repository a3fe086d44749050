import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { messageOf } from '../domain/error.ts';
import { type HostCheck, type HostCheckAnswer, hostCheckText } from '../domain/host-check.ts';
import { gate, type ReaderContext, type SourceReader, type SpecOf, StatusKeeper } from './reader.ts';

const TIMEOUT_MS = 5_000;
/** A verb waits no longer than for an HTTP server. */
const SETTLE_MS = 2_000;

/**
 * A `check` source: a port, a disk or a variable looked at every so often. That nothing answers is what the look found,
 * so the source itself is fresh.
 */
export function checkReader(spec: SpecOf<'check'>, context: ReaderContext): SourceReader {
  const { options } = context;
  const place = hostCheckText(spec.check);
  const keeper = new StatusKeeper(spec, place);
  const first = gate();
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let told = '';

  const look = async (): Promise<void> => {
    const timeoutMs = spec.timeoutMs ?? TIMEOUT_MS;
    const answer = await answerOf(
      spec.check,
      options.once ? Math.min(timeoutMs, SETTLE_MS) : timeoutMs,
      giveUp.signal,
    );
    if (giveUp.signal.aborted) return;
    const at = options.clock.now();
    context.emit({
      type: 'chunk',
      source: spec.id,
      path: place,
      chunk: { type: 'check', answer },
      at,
      fresh: told === '',
    });
    const words = JSON.stringify({ ...answer, latencyMs: 0 });
    if (words !== told) keeper.changed(at);
    told = words;
    keeper.items = 1;
    keeper.lastReadAt = at;
    keeper.set(
      answer.form === 'failed' ? 'error' : 'fresh',
      answer.form === 'failed' ? answer.error : undefined,
    );
    if (options.once) return;
    timer = setTimeout(() => void start(), spec.everyMs);
    timer.unref();
  };

  const answerOf = async (
    check: HostCheck,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<HostCheckAnswer> => {
    switch (check.form) {
      case 'tcp':
        return await knock(check.host, check.port, timeoutMs, signal);
      case 'disk':
        return await roomAt(check.path, timeoutMs);
      case 'variable':
        return { form: 'variable', isSet: (options.secret(check.name) ?? '') !== '' };
    }
  };

  const start = (): Promise<void> => {
    running ??= look().finally(() => {
      running = undefined;
      first.open();
      context.touched();
    });
    return running;
  };

  return {
    settled: first.opened,
    start: () => void start(),
    async refresh() {
      clearTimeout(timer);
      if (!giveUp.signal.aborted) await start();
    },
    status: () => keeper.status(),
    async close() {
      clearTimeout(timer);
      giveUp.abort();
      await running;
      first.open();
    },
  };
}

/** Opens a connection and closes it again; nothing is sent. */
function knock(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<HostCheckAnswer> {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (error?: string): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      const latencyMs = Math.round(performance.now() - began);
      resolve({ form: 'tcp', latencyMs, ...(error === undefined ? {} : { error }) });
    };
    const abort = (): void => end('left');
    const deadline = setTimeout(() => end(`no answer in ${timeoutMs / 1_000} s`), timeoutMs);
    signal.addEventListener('abort', abort);
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(networkWords[error.code ?? ''] ?? error.message),
    );
  });
}

const networkWords: { readonly [code: string]: string } = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host is not reachable',
  ENETUNREACH: 'the network is not reachable',
  ECONNRESET: 'the connection was reset',
};

/** A network file system whose server is gone never answers: it is left waiting, and said to be. */
async function roomAt(path: string, timeoutMs: number): Promise<HostCheckAnswer> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<HostCheckAnswer>((resolve) => {
    deadline = setTimeout(
      () => resolve({ form: 'failed', error: `the file system does not answer in ${timeoutMs / 1_000} s` }),
      timeoutMs,
    );
  });
  const read = statfs(path).then(
    (found): HostCheckAnswer => ({
      form: 'disk',
      freeBytes: found.bavail * found.bsize,
      totalBytes: found.blocks * found.bsize,
      freeFiles: found.ffree,
      totalFiles: found.files,
    }),
    (error: unknown): HostCheckAnswer => ({ form: 'failed', error: messageOf(error) }),
  );
  return await Promise.race([read, late]).finally(() => clearTimeout(deadline));
}
