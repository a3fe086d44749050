/**
 * One order from its row to its last line in the ledger, in a process of its own: it outlives the cockpit, the terminal
 * and the SSH session that asked for it.
 */
import type { StageState, StepAnswer, StepOutput } from '../domain/act.ts';
import { messageOf } from '../domain/error.ts';
import { addMs, type Instant, toIso } from '../domain/instant.ts';
import type { FinishedRecord, LedgerRow } from '../domain/ledger.ts';
import {
  NO_PROGRESS,
  type OrderProgress,
  type OrderRow,
  type StepEnd,
  type WatchState,
} from '../domain/order.ts';
import type { Json } from '../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../systems/system.ts';
import { isAlive } from './hands.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';
import { isWithin } from './queue.ts';
import { pause, runStep } from './run-step.ts';
import { describeStep } from './step-text.ts';
import { mayTakeOver } from './sweep.ts';
import { changedWhileWaiting, steadyTime, takeInTurn } from './turn.ts';
import { FIRST_LOOK_MS, judge, mergeStages, type Outcome } from './verify.ts';

/** `not-taken`: another runner has it or had it, or it was given up; nothing was run. */
export type RunnerEnd = 'done' | 'not-taken' | 'absent' | 'not-recorded';

const BEAT_MS = 1_000;
const CANCEL_LOOK_MS = 200;
/** How long the last row is tried to be written, in milliseconds: a disk may be full for a while. */
const RECORDING_MS = 60_000;
/** A yes is seldom older than this when its runner begins; where it seems so, the clock was set. In milliseconds. */
const CLOCK_TRUST_MS = 60_000;

/** Runs the order with this id, if nobody has, as soon as it is its turn. Resolves when its outcome is recorded. */
export async function runOrder(id: string, ports: RunnerPorts): Promise<RunnerEnd> {
  const row = ports.orders.get(id);
  if (!row) return 'absent';
  return await awake(async () => {
    const turn = await takeInTurn(id, JSON.parse(row.plan) as OrderPlan, ports);
    if (!turn.taken) return 'not-taken';
    const taken: OrderRow = { ...row, status: 'running', runner: ports.self };
    return await new OrderRun(taken, ports, turn.waited ? 'waited' : 'at once').toItsEnd();
  });
}

/**
 * Goes on watching for the effect of an order all of whose steps have run and whose runner was ended. Runs nothing.
 * `digest`: of the plan as whoever started this knows it; an order that differs is left alone.
 */
export async function watchOrder(id: string, digest: string, ports: RunnerPorts): Promise<RunnerEnd> {
  const { clock, hands, orders, self } = ports;
  const row = orders.get(id);
  if (!row) return 'absent';
  const { runner } = row;
  const { watch } = row.progress;
  if (!runner || !watch || !mayTakeOver(row) || isAlive(hands, runner) || row.digest !== digest)
    return 'not-taken';
  return await awake(async () => {
    if (!orders.takeOver(id, runner, self, clock.now())) return 'not-taken';
    const progress = { ...row.progress, watch: { ...watch, takeovers: watch.takeovers + 1 } };
    return await new OrderRun({ ...row, runner: self, progress }, ports, 'taken over').toItsEnd();
  });
}

/** The clock's timers don't keep a process alive, and between the last step and the last look nothing else would. */
async function awake<T>(task: () => Promise<T>): Promise<T> {
  const alive = new MessageChannel();
  alive.port1.on('message', () => {});
  try {
    return await task();
  } finally {
    alive.port1.close();
  }
}

/** How a runner came to its order. */
type Coming = 'at once' | 'waited' | 'taken over';

class OrderRun {
  readonly #row: OrderRow;
  readonly #ports: RunnerPorts;
  readonly #coming: Coming;
  /** Deadlines are counted by time that passes, not by a clock that may be set meanwhile. */
  readonly #now: () => Instant;
  readonly #abort = new AbortController();
  readonly #outputs: StepOutput[] = [];
  readonly #blindUntil: Instant | undefined;
  #ends: readonly StepEnd[] = [];
  #printed: WatchState['outputs'] = [];
  #since: Instant;
  #baseline: Json = null;
  #progress: OrderProgress = NO_PROGRESS;
  #stages: readonly StageState[] | undefined;
  #lastStepAt: Instant | undefined;
  #view: StateView | undefined;
  #cancelledBy: string | undefined;
  #answer: StepAnswer | undefined;
  #wake = (): void => {};

  constructor(row: OrderRow, ports: RunnerPorts, coming: Coming) {
    this.#row = row;
    this.#ports = ports;
    this.#coming = coming;
    this.#now = steadyTime(ports.clock);
    this.#since = this.#now();
    if (coming !== 'taken over') return;
    const { answer, stages, watch } = row.progress;
    this.#blindUntil = this.#now();
    this.#progress = row.progress;
    this.#stages = stages;
    this.#answer = answer;
    if (!watch) return;
    this.#ends = watch.ends;
    this.#printed = watch.outputs;
    this.#since = watch.since;
    this.#baseline = watch.baseline;
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
    const { ledger } = this.#ports;
    if (plan.format !== 1) return 'the order was written by another version: nothing was run';
    // Watching in another's place runs nothing, and their ledger can't be read here.
    if (this.#coming === 'taken over' && !this.#isOurs(plan)) return undefined;
    const started = ledger.find(this.#row.id, 'started')?.record;
    if (started?.phase !== 'started') return 'the ledger does not know this order: nothing was run';
    if (started.planDigest !== this.#row.digest)
      return 'the order is not the one that was confirmed: nothing was run';
    return this.#isOurs(plan) ? undefined : `the order is ${plan.who.user}'s: nothing was run`;
  }

  #isOurs({ who }: OrderPlan): boolean {
    return who.uid === undefined || who.uid === this.#ports.uid;
  }

  #specOf(plan: OrderPlan): ActSpec | undefined {
    return this.#ports.kindOf(plan.located.kind)?.acts.find((act) => act.id === plan.act);
  }

  async #runAndWatch(plan: OrderPlan, spec: ActSpec): Promise<RunnerEnd> {
    const observation = this.#observe(plan);
    const printer = this.#printer();
    try {
      if (this.#coming !== 'taken over') await this.#runAll(plan, spec, printer);
      const { outcome, summary } = await this.#watch(plan, spec);
      return await this.#finish(plan, spec, outcome, summary);
    } finally {
      quietly(() => printer.close());
      await Promise.resolve(observation?.close()).catch(() => {});
    }
  }

  /** Output is for reading along: that it can't be kept must not keep an act from being verified. */
  #printer(): { write(text: string): void; close(): void } {
    try {
      return this.#ports.output.open(this.#row.id);
    } catch {
      return { write: () => {}, close: () => {} };
    }
  }

  async #runAll(plan: OrderPlan, spec: ActSpec, printer: { write(text: string): void }): Promise<void> {
    this.#lookForCancel();
    const unfit = await this.#prepare(plan, spec);
    if (unfit !== undefined) {
      this.#ends = [{ end: 'not-started', detail: unfit }];
      return;
    }
    await this.#runSteps(plan, (text) => quietly(() => printer.write(text)));
    if (spec.read) this.#answer = this.#readAnswer(plan, spec);
    this.#printed = this.#outputs.flatMap(({ title, sha256, sizeBytes }) =>
      sha256 === undefined ? [] : [{ title, sha256, sizeBytes: sizeBytes ?? 0 }],
    );
    if (this.#ends.length === 0) return;
    // From here on another runner could go on in our place.
    const [since, baseline, ends, outputs] = [this.#since, this.#baseline, this.#ends, this.#printed];
    this.#tell({
      watch: { since, baseline, ends, outputs, takeovers: 0 },
      ...(this.#answer ? { answer: this.#answer } : {}),
    });
  }

  /** Times and baseline of the act; for one that had to wait, those of now. Why it must not run, if it must not. */
  async #prepare(plan: OrderPlan, spec: ActSpec): Promise<string | undefined> {
    if (this.#coming !== 'waited') {
      // A clock that was set between the yes and this process would move every deadline.
      if (isWithin(plan.startedAt, this.#since, CLOCK_TRUST_MS)) this.#since = plan.startedAt;
      this.#baseline = plan.baseline;
      return undefined;
    }
    for (const until = addMs(this.#now(), FIRST_LOOK_MS); !this.#view; await this.#wait(until)) {
      if (this.#cancelledBy !== undefined) return undefined;
      if (this.#now() >= until) return 'what it depends on could not be looked at when its turn came';
    }
    const changed = changedWhileWaiting(plan, spec, this.#view);
    if (changed !== undefined) return `not started: ${changed}`;
    const target = this.#view.entity(plan.target.type, plan.target.id);
    this.#since = this.#now();
    this.#baseline = (target && spec.baseline?.(this.#view, target)) ?? null;
    return undefined;
  }

  async #runSteps(plan: OrderPlan, print: (text: string) => void): Promise<void> {
    const { clock, hands, masker, orders } = this.#ports;
    for (const [index, step] of plan.steps.entries()) {
      if (this.#cancelledBy !== undefined) return;
      // On disk before the program: a runner that is killed now leaves "may have been started", never "was not".
      const recorded = this.#tell({ stepsBegun: index + 1, doing: step.title });
      if (!recorded) {
        const detail = 'not started: its beginning could not be recorded';
        this.#ends = [...this.#ends, { end: 'not-started', detail }];
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
      this.#ends = [...this.#ends, result.end];
      this.#lastStepAt = this.#now();
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
    for (;;) {
      const now = this.#now();
      this.#look(plan, spec, now);
      const proof = spec.answerIsProof ? this.#answer : undefined;
      const verdict = judge({
        now,
        startedAt: this.#since,
        ends: this.#ends,
        stepsLeft: false,
        stages: this.#stages,
        ...(this.#cancelledBy === undefined ? {} : { cancelledBy: this.#cancelledBy }),
        ...(proof ? { proof } : {}),
        ...(this.#blindUntil === undefined ? {} : { blindUntil: this.#blindUntil }),
      });
      if (verdict.state === 'ended') return verdict;
      this.#tell({ doing: `watching until ${toIso(verdict.until).slice(11, 19)}Z` });
      await this.#wait(verdict.until);
    }
  }

  /** Until then, or until something is seen or asked for. */
  #wait(until: Instant): Promise<void> {
    const { clock } = this.#ports;
    return new Promise<void>((resolve) => {
      const stop = clock.after(until - this.#now(), resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
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
        if (spec && this.#progress.stepsBegun > 0 && !this.#progress.watch)
          this.#look(plan, spec, this.#now());
        this.#wake();
      });
    } catch {
      return undefined;
    }
  }

  #actOrder(plan: OrderPlan): ActOrder {
    const { order, act, target, params, revision } = plan;
    const [startedAt, baseline] = [this.#since, this.#baseline];
    const { stepsDone } = this.#progress;
    const seen = {
      ...(this.#lastStepAt === undefined ? {} : { lastStepAt: this.#lastStepAt }),
      ...(this.#stages === undefined ? {} : { stages: this.#stages }),
    };
    return { order, act, target, params, startedAt, revision, baseline, stepsDone, ...seen };
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
      outputs: this.#printed,
      undo: plan.undo,
    };
    // Another user's ledger is theirs alone: their next cockpit enters what the row says.
    const recorded = this.#isOurs(plan) ? await this.#recorded(() => ledger.appendOnce(record)) : true;
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
