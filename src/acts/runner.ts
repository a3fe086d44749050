/**
 * One order from its row to its last line in the ledger, in a process of its own: it outlives the cockpit, the terminal
 * and the SSH session that asked for it.
 */
import type { StageState, StepAnswer, StepOutput } from '../domain/act.ts';
import { messageOf } from '../domain/error.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import type { FinishedRecord, LedgerRow } from '../domain/ledger.ts';
import { NO_PROGRESS, type OrderProgress, type OrderRow } from '../domain/order.ts';
import type { ActOrder, ActSpec, StateView } from '../systems/system.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';
import { pause, runStep } from './run-step.ts';
import { describeStep } from './step-text.ts';
import { judge, mergeStages, type Outcome, type StepEnd } from './verify.ts';

/** `not-taken`: another runner has it or had it, or it was given up; nothing was run. */
export type RunnerEnd = 'done' | 'not-taken' | 'absent' | 'not-recorded';

const BEAT_MS = 1_000;
const CANCEL_LOOK_MS = 200;
/** How long the last row is tried to be written, in milliseconds: a disk may be full for a while. */
const RECORDING_MS = 60_000;

/** Runs the order with this id, if nobody has. Resolves when its outcome is recorded. */
export async function runOrder(id: string, ports: RunnerPorts): Promise<RunnerEnd> {
  const row = ports.orders.get(id);
  if (!row) return 'absent';
  if (!ports.orders.take(id, ports.self, ports.clock.now())) return 'not-taken';
  // The clock's timers don't keep a process alive, and between the last step and the last look nothing else would.
  const alive = new MessageChannel();
  alive.port1.on('message', () => {});
  const run = new OrderRun({ ...row, status: 'running', runner: ports.self }, ports);
  try {
    return await run.toItsEnd();
  } finally {
    alive.port1.close();
  }
}

class OrderRun {
  readonly #row: OrderRow;
  readonly #ports: RunnerPorts;
  readonly #abort = new AbortController();
  readonly #ends: StepEnd[] = [];
  readonly #outputs: StepOutput[] = [];
  #progress: OrderProgress = NO_PROGRESS;
  #stages: readonly StageState[] | undefined;
  #view: StateView | undefined;
  #cancelledBy: string | undefined;
  #answer: StepAnswer | undefined;
  #wake = (): void => {};

  constructor(row: OrderRow, ports: RunnerPorts) {
    this.#row = row;
    this.#ports = ports;
  }

  async toItsEnd(): Promise<RunnerEnd> {
    const { clock, orders, self } = this.#ports;
    const stopBeat = clock.every(BEAT_MS, () => quietly(() => orders.beat(this.#row.id, self, clock.now())));
    const stopLooks = clock.every(CANCEL_LOOK_MS, () => quietly(() => this.#lookForCancel()));
    try {
      return await this.#attempt(JSON.parse(this.#row.plan) as OrderPlan);
    } finally {
      stopBeat();
      stopLooks();
    }
  }

  async #attempt(plan: OrderPlan): Promise<RunnerEnd> {
    const refusal = this.#refusal(plan);
    const spec = this.#specOf(plan);
    if (refusal !== undefined || spec === undefined)
      return await this.#finish(plan, undefined, 'failed', refusal ?? `this Binnacle knows no ${plan.act}`);
    try {
      return await this.#runAndWatch(plan, spec);
    } catch (error) {
      // A fault of ours. What has begun may have worked: only a person can tell.
      const outcome = this.#progress.stepsBegun === 0 ? 'failed' : 'unknown';
      return await this.#finish(plan, spec, outcome, `the runner failed: ${messageOf(error)}`);
    }
  }

  /** The store of orders may be shared by several users; the ledger of who said yes is written by them alone. */
  #refusal(plan: OrderPlan): string | undefined {
    const { ledger, uid } = this.#ports;
    const started = ledger.find(this.#row.id, 'started')?.record;
    if (started?.phase !== 'started') return 'the ledger does not know this order: nothing was run';
    if (started.planDigest !== this.#row.digest)
      return 'the order is not the one that was confirmed: nothing was run';
    if (plan.format !== 1) return 'the order was written by another version: nothing was run';
    if (plan.who.uid !== undefined && plan.who.uid !== uid)
      return `the order is ${plan.who.user}'s: nothing was run`;
    return undefined;
  }

  #specOf(plan: OrderPlan): ActSpec | undefined {
    return this.#ports.kindOf(plan.located.kind)?.acts.find((act) => act.id === plan.act);
  }

  async #runAndWatch(plan: OrderPlan, spec: ActSpec): Promise<RunnerEnd> {
    const observation = this.#observe(plan);
    const printer = this.#ports.output.open(this.#row.id);
    try {
      await this.#runSteps(plan, (text) => quietly(() => printer.write(text)));
      if (spec.read) this.#answer = this.#readAnswer(plan, spec);
      const { outcome, summary } = await this.#watch(plan, spec);
      return await this.#finish(plan, spec, outcome, summary);
    } finally {
      quietly(() => printer.close());
      await Promise.resolve(observation?.close()).catch(() => {});
    }
  }

  async #runSteps(plan: OrderPlan, print: (text: string) => void): Promise<void> {
    const { clock, hands, masker, orders } = this.#ports;
    this.#lookForCancel();
    for (const [index, step] of plan.steps.entries()) {
      if (this.#cancelledBy !== undefined) return;
      // On disk before the program: a runner that is killed now leaves "may have been started", never "was not".
      const recorded = this.#tell({ stepsBegun: index + 1, doing: step.title });
      if (!recorded) {
        this.#ends.push({ end: 'not-started', detail: 'not started: its beginning could not be recorded' });
        return;
      }
      print(`$ ${masker.text(describeStep(step))}\n`);
      const result = await runStep(step, {
        clock,
        hands,
        masker,
        print,
        root: plan.located.root,
        signal: this.#abort.signal,
        secret: (name) => this.#ports.secret(plan.located, name),
        keep: (file) => orders.keep(this.#row.id, index, file),
      });
      this.#outputs.push(result.output);
      this.#ends.push(result.end);
      const { exitCode } = result.output;
      this.#tell({
        stepsDone: index + 1,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(result.escaped ? { escaped: [...(this.#progress.escaped ?? []), ...result.escaped] } : {}),
      });
      print(`[${result.end.end === 'ok' ? 'done' : result.end.detail}]\n`);
      if (result.escaped) print(`[still running, in sessions of their own: ${result.escaped.join(', ')}]\n`);
      if (result.end.end !== 'ok') return;
    }
  }

  /** Asks the state after every change and at every deadline, until a verdict. */
  async #watch(plan: OrderPlan, spec: ActSpec): Promise<{ outcome: Outcome; summary: string }> {
    const { clock } = this.#ports;
    for (;;) {
      const now = clock.now();
      this.#look(plan, spec, now);
      const proof = spec.answerIsProof ? this.#answer : undefined;
      const verdict = judge({
        now,
        startedAt: plan.startedAt,
        ends: this.#ends,
        stepsLeft: false,
        stages: this.#stages,
        ...(this.#cancelledBy === undefined ? {} : { cancelledBy: this.#cancelledBy }),
        ...(proof ? { proof } : {}),
      });
      if (verdict.state === 'ended') return verdict;
      this.#tell({ doing: `watching until ${toIso(verdict.until).slice(11, 19)}Z` });
      await new Promise<void>((resolve) => {
        const stop = clock.at(verdict.until, resolve);
        this.#wake = () => {
          stop();
          resolve();
        };
      });
    }
  }

  #look(plan: OrderPlan, spec: ActSpec, now: Instant): void {
    if (!this.#view) return;
    try {
      const seen = spec.expect({ ...this.#view, now }, this.#actOrder(plan));
      this.#stages = mergeStages(this.#stages ?? [], this.#ports.masker.value(seen), now);
      this.#tell({ stages: this.#stages });
    } catch {
      // A rule that fails on what it sees has seen nothing: the next look, or the deadline, decides.
    }
  }

  #observe(plan: OrderPlan): { close(): void | Promise<void> } | undefined {
    const kind = this.#ports.kindOf(plan.located.kind);
    if (!kind) return undefined;
    try {
      return this.#ports.observe(kind, plan.located, (view) => {
        this.#view = view;
        // While the steps run the stages are only noted: a state seen for a moment must not be missed.
        const spec = this.#specOf(plan);
        if (spec && this.#progress.stepsDone < plan.steps.length) this.#look(plan, spec, view.now);
        this.#wake();
      });
    } catch {
      return undefined;
    }
  }

  #actOrder(plan: OrderPlan): ActOrder {
    const { order, act, target, params, startedAt, revision, baseline } = plan;
    return { order, act, target, params, startedAt, revision, baseline, stepsDone: this.#progress.stepsDone };
  }

  #readAnswer(plan: OrderPlan, spec: ActSpec): StepAnswer | undefined {
    if (this.#outputs.length === 0) return undefined;
    try {
      return spec.read?.(this.#outputs, this.#actOrder(plan));
    } catch (error) {
      return { ok: false, summary: `its answer could not be read: ${messageOf(error)}` };
    }
  }

  #lookForCancel(): void {
    const cancel = this.#ports.orders.get(this.#row.id)?.cancel;
    if (!cancel || this.#cancelledBy !== undefined) return;
    this.#cancelledBy = cancel.by;
    this.#abort.abort();
    this.#wake();
  }

  /** False when it could not be stored: before a step that is the reason not to run it. */
  #tell(change: Partial<OrderProgress>): boolean {
    const next = { ...this.#progress, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#progress)) return true;
    try {
      this.#ports.orders.progress(this.#row.id, next);
      this.#progress = next;
      return true;
    } catch {
      // What has happened is kept in mind all the same, for the last row.
      if (change.stepsBegun === undefined) this.#progress = next;
      return false;
    }
  }

  async #finish(
    plan: OrderPlan,
    spec: ActSpec | undefined,
    outcome: Outcome,
    summary: string,
  ): Promise<RunnerEnd> {
    const { clock, ledger, masker, orders, version } = this.#ports;
    const told = masker.text(summary + this.#leftRunning());
    const progress: OrderProgress = {
      ...this.#progress,
      doing: 'ended',
      summary: told,
      ...(this.#answer ? { answer: this.#answer } : {}),
    };
    const at = clock.now();
    const record: FinishedRecord = {
      phase: 'finished',
      at,
      who: plan.who,
      version,
      order: this.#row.id,
      act: plan.act,
      target: plan.target,
      revision: plan.revision,
      attempt: plan.attempt,
      outcome,
      summary: told,
      ...(progress.exitCode === undefined ? {} : { exitCode: progress.exitCode }),
      stages: progress.stages,
      outputs: this.#outputs.flatMap(({ title, sha256, sizeBytes }) =>
        sha256 === undefined ? [] : [{ title, sha256, sizeBytes: sizeBytes ?? 0 }],
      ),
      undo: plan.undo,
    };
    const recorded = await this.#recorded(() => ledger.appendOnce(record));
    if (!recorded) return 'not-recorded';
    const release = mayTryAgain(outcome, spec);
    const stored = await this.#recorded(() => orders.finish(this.#row, { outcome, at, progress, release }));
    return stored === undefined ? 'not-recorded' : 'done';
  }

  /** Processes that left the program's group and were not ended with it: somebody must know of them. */
  #leftRunning(): string {
    const left = (this.#progress.escaped ?? []).filter(
      (pid) => this.#ports.hands.startedAt(pid) !== undefined,
    );
    return left.length === 0 ? '' : `; left running: ${left.join(', ')}`;
  }

  async #recorded<T extends LedgerRow | boolean>(write: () => T): Promise<T | undefined> {
    const { clock } = this.#ports;
    for (const since = clock.monotonic(); ; ) {
      try {
        return write();
      } catch {
        if (clock.monotonic() - since > RECORDING_MS) return undefined;
        await pause(clock, 500);
      }
    }
  }
}

/** Which outcomes free the key for a next attempt. An act whose answer is its proof only asks, and may ask again. */
export function mayTryAgain(outcome: Outcome, spec: Pick<ActSpec, 'answerIsProof'> | undefined): boolean {
  switch (outcome) {
    case 'failed':
    case 'not-seen':
    case 'timed-out':
    case 'cancelled':
      return true;
    case 'verified':
      return spec?.answerIsProof === true;
    case 'unknown':
      return false;
  }
}

function quietly(task: () => void): void {
  try {
    task();
  } catch {
    // A beat or a line of output that can't be stored must not end the run.
  }
}
