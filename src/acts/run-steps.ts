/** The steps of an order, one after the other, each on disk before it begins and after it ends. */
import type { StepOutput } from '../domain/act.ts';
import type { Instant } from '../domain/instant.ts';
import type { StepEnd } from '../domain/order.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';
import type { ProgressNote } from './progress-note.ts';
import { runStep } from './run-step.ts';
import { describeStep } from './step-text.ts';

/** What has come of the steps that were begun. Looks at the state read it while the rest still run. */
export interface StepTrace {
  ends: readonly StepEnd[];
  outputs: readonly StepOutput[];
  lastStepAt: Instant | undefined;
}

/** Runs them until one does not end well, one can't be recorded, or `signal` says that it is enough. */
export async function runSteps(
  plan: OrderPlan,
  ports: Pick<RunnerPorts, 'clock' | 'hands' | 'masker' | 'orders' | 'secret'>,
  around: {
    readonly trace: StepTrace;
    readonly note: ProgressNote;
    readonly signal: AbortSignal;
    now(): Instant;
    /** Output as it comes. */
    print(text: string): void;
  },
): Promise<void> {
  const { clock, hands, masker, orders } = ports;
  const { note, print, signal, trace } = around;
  for (const [index, step] of plan.steps.entries()) {
    if (signal.aborted) return;
    // On disk before the program: a runner that is killed now leaves "may have been started", never "was not".
    if (!note.tell({ stepsBegun: index + 1, doing: step.title })) {
      const detail = 'not started: its beginning could not be recorded';
      trace.ends = [...trace.ends, { end: 'not-started', detail }];
      return;
    }
    print(`$ ${masker.text(describeStep(step))}\n`);
    const result = await runStep(step, {
      clock,
      hands,
      masker,
      print,
      signal,
      root: plan.located.root,
      secret: (name) => ports.secret(plan.located, name),
      keep: (file) => orders.keep(plan.order, index, file),
    });
    const { end, escaped, output } = masker.value(result);
    trace.outputs = [...trace.outputs, output];
    trace.ends = [...trace.ends, end];
    trace.lastStepAt = around.now();
    note.tell({
      stepsDone: index + 1,
      ...(output.exitCode === undefined ? {} : { exitCode: output.exitCode }),
      ...(escaped ? { escaped: [...(note.current.escaped ?? []), ...escaped] } : {}),
    });
    print(`[${end.end === 'ok' ? 'done' : end.detail}]\n`);
    if (escaped) print(`[still running, in sessions of their own: ${escaped.join(', ')}]\n`);
    if (end.end !== 'ok') return;
  }
}
