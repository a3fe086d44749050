/** Handing one event to a program or to a server, and what came of it. */
import type { Masker } from '../acts/mask.ts';
import { type FoldedAlert, type Hook, hookBody, hookName } from '../domain/hook.ts';
import type { Clock } from '../host/clock.ts';
import type { HttpAnswer, HttpAsk } from '../host/http.ts';
import type { RunOptions, RunResult } from '../host/process.ts';
import { err, ok, type Result } from '../lib/result.ts';

/** What a delivery may use. */
export interface DeliveryPorts {
  readonly clock: Clock;
  run(options: RunOptions): Promise<RunResult>;
  ask(ask: HttpAsk): Promise<HttpAnswer>;
  /** The environment programs get: names from a list, nothing of ours. */
  environment(): { readonly [name: string]: string };
  /** A variable of the cockpit's own environment. */
  secret(variable: string): string | undefined;
  readonly masker: Masker;
  readonly hostName: string;
  readonly version: string;
}

/** How long programs and servers may take; shorter in tests. */
export interface DeliveryLimits {
  /** For a program to end, for a server to answer. */
  readonly timeoutMs: number;
  /** Between a program's TERM and its KILL. */
  readonly graceMs: number;
  /** Before the only second try of a request. */
  readonly retryMs: number;
}

export const deliveryLimits: DeliveryLimits = { timeoutMs: 10_000, graceMs: 500, retryMs: 3_000 };

/** A program's last words are told with its failure; the rest of its output goes nowhere. */
const KEPT_BYTES = 4_096;
const MAX_WORDS = 200;
/** A server that asks for more patience than this is not tried again. */
const LONGEST_WAIT_MS = 30_000;

/** The result says what was done, or what went wrong, with secrets masked. Never rejects. */
export async function deliver(
  hook: Hook,
  event: FoldedAlert,
  ports: DeliveryPorts,
  limits: DeliveryLimits,
  signal: AbortSignal,
): Promise<Result<string>> {
  const body = JSON.stringify(hookBody(event, ports.hostName, ports.masker.text));
  const { deed } = hook;
  switch (deed.type) {
    case 'bell':
    case 'osc9':
      return ok('told the screen');
    case 'program':
      return outcomeOf(
        await ports.run({
          argv: deed.argv,
          cwd: '/',
          env: ports.environment(),
          input: `${body}\n`,
          timeoutMs: limits.timeoutMs,
          graceMs: limits.graceMs,
          maxBytes: KEPT_BYTES,
          signal,
        }),
        limits,
        ports.masker,
      );
    case 'webhook': {
      const headers: { [name: string]: string } = {
        'content-type': 'application/json',
        'user-agent': `binnacle/${ports.version}`,
      };
      if (deed.secretHeader) {
        const { name, variable, prefix = '' } = deed.secretHeader;
        const value = ports.secret(variable);
        if (value === undefined) return err(`the variable ${variable} is not set`);
        headers[name] = prefix + value;
      }
      const { timeoutMs } = limits;
      return await post(
        { method: 'POST', url: deed.url, headers, body, timeoutMs, maxBytes: KEPT_BYTES, signal },
        ports,
        limits,
        hookName(hook),
      );
    }
  }
}

function outcomeOf(result: RunResult, limits: DeliveryLimits, masker: Masker): Result<string> {
  const wrong = (text: string): Result<string> => err(masker.text(text));
  if (result.error !== undefined) return wrong(result.error);
  if (result.aborted) return wrong('ended with the cockpit');
  if (result.timedOut) return wrong(`did not end in ${limits.timeoutMs / 1_000} s and was killed`);
  if (result.exitCode === 0) return ok('exit 0');
  const words = `${result.stdout.text}\n${result.stderr.text}`.trim().split('\n').at(-1) ?? '';
  const end =
    result.exitCode === null ? `ended by ${result.signal ?? 'a signal'}` : `exit ${result.exitCode}`;
  // Masked whole, then cut: half a secret would not be known as one.
  const last = masker.text(words).trim().slice(0, MAX_WORDS);
  return err(last === '' ? end : `${end}: ${last}`);
}

/** One request, and one more where the first did not get through: no answer, 429, or an error of the server's own. */
async function post(
  ask: HttpAsk,
  ports: DeliveryPorts,
  limits: DeliveryLimits,
  name: string,
): Promise<Result<string>> {
  const first = await ports.ask(ask);
  const waitMs = Math.max(limits.retryMs, first.retryAfterMs ?? 0);
  if (!isWorthAnother(first) || waitMs > LONGEST_WAIT_MS || ask.signal?.aborted)
    return answerOf(first, ports.masker, name);
  await pause(ports.clock, waitMs, ask.signal);
  if (ask.signal?.aborted) return answerOf(first, ports.masker, name);
  return answerOf(await ports.ask(ask), ports.masker, name);
}

function isWorthAnother({ status }: HttpAnswer): boolean {
  return status === undefined || status === 429 || status >= 500;
}

function answerOf(answer: HttpAnswer, masker: Masker, name: string): Result<string> {
  const { status, error } = answer;
  if (status !== undefined && status < 300) return ok(`HTTP ${status}`);
  if (status !== undefined && status >= 300 && status < 400) return err(`HTTP ${status}, not followed`);
  if (status !== undefined) return err(`HTTP ${status}`);
  // The message may quote the address, whose path is often the secret.
  const text = (error ?? 'no answer').replaceAll(/\bhttps?:\/\/\S+/g, name);
  return err(masker.text(text));
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    const abort = (): void => {
      cancel();
      resolve();
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
