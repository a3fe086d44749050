import { allowedEnv, runProcess } from '../host/process.ts';
import { backOff } from './http.ts';
import { gate, type ReaderContext, type SourceReader, type SpecOf, StatusKeeper } from './reader.ts';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** A `probe` source: a program run every so often, its output an answer. */
export function probeReader(spec: SpecOf<'probe'>, context: ReaderContext): SourceReader {
  const keeper = new StatusKeeper(spec, spec.argv.join(' '));
  const first = gate();
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let failures = 0;
  let told = false;

  const run = async (): Promise<void> => {
    const result = await runProcess({
      argv: spec.argv,
      cwd: spec.cwd ?? context.root,
      env: allowedEnv(),
      timeoutMs: spec.timeoutMs ?? TIMEOUT_MS,
      graceMs: 500,
      maxBytes: MAX_OUTPUT_BYTES,
      signal: giveUp.signal,
    });
    if (giveUp.signal.aborted) return;
    const at = context.options.clock.now();
    const error = result.error ?? (result.timedOut ? 'did not end in time' : undefined);
    const good = error === undefined && result.exitCode === 0;
    failures = good ? 0 : failures + 1;
    context.emit({
      type: 'chunk',
      source: spec.id,
      path: spec.argv[0] ?? spec.id,
      chunk: {
        type: 'probe',
        exitCode: result.exitCode,
        stdout: result.stdout.text,
        stderr: result.stderr.text,
        ...(error === undefined ? {} : { error }),
      },
      at,
      fresh: !told,
    });
    told = true;
    keeper.items = 1;
    keeper.lastReadAt = at;
    if (good) {
      keeper.changed(at);
      keeper.set('fresh');
    } else
      keeper.set(
        'error',
        error ?? `exit ${result.exitCode ?? result.signal}: ${result.stderr.text.trim().slice(0, 200)}`,
      );
    if (context.options.once) return;
    timer = setTimeout(() => void start(), backOff(spec.everyMs, failures));
    timer.unref();
  };

  const start = (): Promise<void> => {
    running ??= run().finally(() => {
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
