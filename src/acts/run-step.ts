import type { HttpStep, ProcessStep, ServiceStep, SignalStep, Step, StepOutput } from '../domain/act.ts';
import { addMs, toIso } from '../domain/instant.ts';
import type { KeptFile, StepEnd } from '../domain/order.ts';
import type { Clock } from '../host/clock.ts';
import { assertNever } from '../lib/assert-never.ts';
import { reasonInAnswer } from './answer-word.ts';
import { isAlive } from './hands.ts';
import type { Masker } from './mask.ts';
import type { Hands } from './ports.ts';
import { requestHeaders } from './step-text.ts';

/** What a step may use while it runs. */
export interface StepSurroundings {
  readonly clock: Clock;
  readonly hands: Hands;
  readonly masker: Masker;
  readonly root: string;
  readonly signal: AbortSignal;
  secret(name: string): string | undefined;
  /** Output as it comes, masked. */
  print(text: string): void;
  /** Called with what was at a path before the step changes it. */
  keep(file: KeptFile): void;
}

/** What a step gave back, and what that means for the verdict. */
export interface StepResult {
  readonly output: StepOutput;
  readonly end: StepEnd;
  readonly escaped?: readonly number[];
}

/** Bytes kept of a program's streams and of an answer's body. */
const OUTPUT_BYTES = 1024 * 1024;
/** A file that is replaced or removed is copied into the order first; a larger one is not touched. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** How long a signalled process is given to end before the step counts as refused, in milliseconds. */
const SIGNAL_PATIENCE_MS = 10_000;
/** A long-lived program that ends within this time has not been started, in milliseconds. */
const SERVICE_TRIAL_MS = 1_000;

/** Runs one step to its end. Never rejects. */
export async function runStep(step: Step, around: StepSurroundings): Promise<StepResult> {
  if (around.signal.aborted) return failure(step, 'not-started', 'cancelled before it was started');
  switch (step.type) {
    case 'process':
      return await runProgram(step, around);
    case 'http':
      return await sendRequest(step, around);
    case 'file':
      return changeFile(step, around);
    case 'signal':
      return await sendSignal(step, around);
    case 'service':
      return await letGo(step, around);
    case 'read':
      return failure(step, 'not-started', 'only a read act looks at files');
    default:
      return assertNever(step, 'step');
  }
}

async function runProgram(step: ProcessStep, around: StepSurroundings): Promise<StepResult> {
  const secrets = secretsOf(step, around);
  if (typeof secrets === 'string') return failure(step, 'not-started', secrets);
  const streams = {
    stdout: around.masker.stream(around.print),
    stderr: around.masker.stream(around.print),
  };
  // One decoder per stream: a character may be cut between two reads.
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const result = await around.hands.run({
    argv: step.argv,
    cwd: step.cwd,
    env: { ...around.hands.environment(), ...step.env, ...secrets },
    timeoutMs: step.timeoutMs,
    maxBytes: OUTPUT_BYTES,
    signal: around.signal,
    onOutput: (stream, bytes) => streams[stream].write(decoders[stream].decode(bytes, { stream: true })),
  });
  for (const name of ['stdout', 'stderr'] as const) {
    streams[name].write(decoders[name].decode());
    streams[name].end();
  }
  const mask = around.masker.text;
  const output: StepOutput = {
    title: step.title,
    exitCode: result.exitCode,
    stdout: mask(result.stdout.text),
    stderr: mask(result.stderr.text),
    truncated: result.stdout.truncated || result.stderr.truncated,
    sha256: result.stdout.sha256,
    sizeBytes: result.stdout.sizeBytes,
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    ...(result.timedOut ? { timedOut: true } : {}),
    ...(result.error === undefined ? {} : { error: mask(result.error) }),
  };
  const escaped = result.escaped.length > 0 ? { escaped: result.escaped } : {};
  return { output, end: endOfProgram(step, result, mask), ...escaped };
}

/** Values of the variables a step takes at run time, or which of them is missing. */
function secretsOf(
  step: ProcessStep | ServiceStep,
  around: StepSurroundings,
): { readonly [name: string]: string } | string {
  const secrets: { [name: string]: string } = {};
  for (const name of step.secretEnv ?? []) {
    const value = around.secret(name);
    if (value === undefined) return `the variable ${name} is not set`;
    secrets[name] = value;
  }
  return secrets;
}

function endOfProgram(
  step: ProcessStep,
  result: Awaited<ReturnType<Hands['run']>>,
  mask: (text: string) => string,
): StepEnd {
  if (result.pid === undefined)
    return { end: 'not-started', detail: mask(result.error ?? 'the program could not be started') };
  if (result.aborted) return { end: 'refused', detail: 'the program was ended on request' };
  if (result.timedOut)
    return {
      end: 'timed-out',
      detail: `the program did not end in ${step.timeoutMs / 1_000} s and was killed`,
    };
  if (result.exitCode !== null && (step.successCodes ?? [0]).includes(result.exitCode)) return { end: 'ok' };
  const lines = mask(`${result.stdout.text}\n${result.stderr.text}`).trim().split('\n');
  const lastWords = (lines.at(-1) ?? '').trim().slice(0, 200);
  const code =
    result.exitCode === null ? `ended by ${result.signal ?? 'a signal'}` : `exit ${result.exitCode}`;
  return { end: 'refused', detail: lastWords === '' ? code : `${code}: ${lastWords}` };
}

async function sendRequest(step: HttpStep, around: StepSurroundings): Promise<StepResult> {
  const headers: { [name: string]: string } = { ...requestHeaders(step) };
  if (step.secretHeader) {
    const { name, variable, prefix = '' } = step.secretHeader;
    const value = around.secret(variable);
    if (value === undefined) return failure(step, 'not-started', `the variable ${variable} is not set`);
    headers[name] = prefix + value;
  }
  const answer = await around.hands.ask({
    method: step.method,
    url: step.url,
    headers,
    timeoutMs: step.timeoutMs,
    maxBytes: OUTPUT_BYTES,
    signal: around.signal,
    ...(step.body === undefined ? {} : { body: JSON.stringify(step.body) }),
  });
  const body = around.masker.text(answer.body);
  const error = answer.error === undefined ? undefined : around.masker.text(answer.error);
  around.print(
    `${answer.status === undefined ? (error ?? 'no answer') : `HTTP ${answer.status}`}\n${body}\n`,
  );
  const output: StepOutput = {
    title: step.title,
    stdout: body,
    stderr: '',
    truncated: answer.truncated,
    ...(answer.status === undefined ? {} : { httpStatus: answer.status }),
    ...(error === undefined ? {} : { error }),
  };
  return { output, end: endOfRequest(step, output) };
}

/** A connection that was refused carried nothing; one that broke may have carried everything. */
function endOfRequest(step: HttpStep, { error, httpStatus, stdout }: StepOutput): StepEnd {
  if (httpStatus !== undefined && error === undefined) {
    if (httpStatus < 400) return { end: 'ok' };
    const reason = reasonInAnswer(stdout);
    return { end: 'refused', detail: `HTTP ${httpStatus}${reason === undefined ? '' : `: ${reason}`}` };
  }
  const detail = error ?? 'no answer';
  if (
    /^(connection refused|the host name is not known|not a URL|not an http address|redirected)/.test(detail)
  )
    return { end: 'not-started', detail };
  if (detail.startsWith('no answer in')) return { end: 'timed-out', detail };
  // What only asks has left nothing behind that somebody would have to look for.
  const isHarmless = step.method === 'GET' || step.asksOnly === true;
  return { end: isHarmless ? 'refused' : 'no-answer', detail };
}

function changeFile(step: Extract<Step, { type: 'file' }>, around: StepSurroundings): StepResult {
  const { hands, root } = around;
  const before = hands.read(root, step.path, KEPT_BYTES);
  if (!before.ok) return failure(step, 'not-started', before.error);
  if (before.value?.truncated)
    return failure(step, 'not-started', `${step.path} is too large to keep a copy of what is there`);
  // The copy is kept for as long as the order is, and must be exact.
  const content = before.value?.bytes.toString('utf8') ?? '';
  if (around.masker.text(content) !== content)
    return failure(
      step,
      'not-started',
      `what is in ${step.path} looks like a secret, of which no copy is kept`,
    );
  const kept = tryKeep(around, {
    path: step.path,
    ...(before.value ? { content: before.value.bytes.toString('base64'), mode: before.value.mode } : {}),
  });
  if (!kept) return failure(step, 'not-started', `what is in ${step.path} could not be kept`);
  const done =
    step.text === undefined ? hands.remove(root, step.path) : hands.write(root, step.path, step.text);
  if (!done.ok) return failure(step, 'not-started', done.error);
  around.print(`${done.value}: ${step.path}\n`);
  return {
    output: { title: step.title, exitCode: 0, stdout: done.value, stderr: '', truncated: false },
    end: { end: 'ok' },
  };
}

/** Nothing is overwritten that could not be put back. */
function tryKeep(around: StepSurroundings, file: KeptFile): boolean {
  try {
    around.keep(file);
    return true;
  } catch {
    return false;
  }
}

async function sendSignal(step: SignalStep, around: StepSurroundings): Promise<StepResult> {
  const { clock, hands } = around;
  const sent = hands.signal(step);
  if (!sent.ok) return failure(step, 'not-started', sent.error);
  const since = clock.monotonic();
  // What comes next (a new instance on the same port) needs the old one gone.
  while (isAlive(hands, step)) {
    if (clock.monotonic() - since > SIGNAL_PATIENCE_MS || around.signal.aborted) {
      const detail = `process ${step.pid} took ${step.signal} and still lives`;
      around.print(`${detail}\n`);
      return {
        output: { title: step.title, stdout: '', stderr: '', truncated: false, error: detail },
        end: { end: 'refused', detail },
      };
    }
    await pause(clock, 20);
  }
  const text = `process ${step.pid} ended ${toIso(addMs(clock.now(), 0))}`;
  around.print(`${text}\n`);
  return {
    output: { title: step.title, exitCode: 0, stdout: text, stderr: '', truncated: false },
    end: { end: 'ok' },
  };
}

async function letGo(step: ServiceStep, around: StepSurroundings): Promise<StepResult> {
  const { clock, hands } = around;
  const secrets = secretsOf(step, around);
  if (typeof secrets === 'string') return failure(step, 'not-started', secrets);
  const started = await hands.startService({
    argv: step.argv,
    cwd: step.cwd,
    env: { ...hands.environment(), ...step.env, ...secrets },
    ...(step.outputPath === undefined ? {} : { outputPath: step.outputPath }),
  });
  if (!started.ok) return failure(step, 'not-started', around.masker.text(started.error));
  const { pid, startedAt } = started.value;
  await pause(clock, SERVICE_TRIAL_MS);
  if (startedAt === undefined || !isAlive(hands, { pid, startedAt })) {
    const detail = `process ${pid} ended within ${SERVICE_TRIAL_MS / 1_000} s of its start`;
    around.print(`${detail}\n`);
    return {
      output: { title: step.title, stdout: '', stderr: '', truncated: false, error: detail },
      end: { end: 'refused', detail },
    };
  }
  const text = `runs as process ${pid}`;
  around.print(`${text}\n`);
  return {
    output: { title: step.title, exitCode: 0, stdout: text, stderr: '', truncated: false },
    end: { end: 'ok' },
  };
}

function failure(step: Step, end: 'not-started', detail: string): StepResult {
  return {
    output: { title: step.title, stdout: '', stderr: '', truncated: false, error: detail },
    end: { end, detail },
  };
}

/** Resolves after `ms` milliseconds of the clock. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
