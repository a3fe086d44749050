/** What a runner does with its order: the steps, the watch for their effect, the end. */

import type { StageState, StepAnswer } from '../domain/act.ts';
import { messageOf } from '../domain/error.ts';
import { addMs, type Instant, toIso } from '../domain/instant.ts';
import { NO_PROGRESS, type OrderRow, RESTORE_ACT, type WatchState } from '../domain/order.ts';
import type { Json } from '../lib/json.ts';
import { quietly } from '../lib/quietly.ts';
import type { ActOrder, ActSpec, StateView } from '../systems/system.ts';
import { finishedRecord, mayTryAgain, persist } from './ending.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';
import { ProgressNote } from './progress-note.ts';
import { isWithin } from './queue.ts';
import { restoreSpec } from './restore.ts';
import { runSteps, type StepTrace } from './run-steps.ts';
import { distrustOf, isOurs } from './trust.ts';
import { changedWhileWaiting, steadyTime } from './turn.ts';
import { FIRST_LOOK_MS, judge, mergeStages, type Outcome } from './verify.ts';

/** `not-recorded`: for a minute neither the ledger nor the row could be written. */
export type RunEnd = 'done' | 'not-recorded';

const BEAT_MS = 1_000;
const CANCEL_LOOK_MS = 200;
/** A yes is seldom older than this when its runner begins; where it seems so, the clock was set. In milliseconds. */
const CLOCK_TRUST_MS = 60_000;

/** How a runner came to its order. */
type Coming = 'at once' | 'waited' | 'taken over';

/** One order, from the moment a runner has it. */
export class OrderRun {
  readonly #row: OrderRow;
  readonly #ports: RunnerPorts;
  readonly #coming: Coming;
  /** Deadlines are counted by time that passes, not by a clock that may be set meanwhile. */
  readonly #now: () => Instant;
  readonly #abort = new AbortController();
  readonly #blindUntil: Instant | undefined;
  readonly #note: ProgressNote;
  readonly #trace: StepTrace = { ends: [], outputs: [], lastStepAt: undefined };
  #printed: WatchState['outputs'] = [];
  #since: Instant;
  #baseline: Json = null;
  #stages: readonly StageState[] | undefined;
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
    this.#note = new ProgressNote(ports.orders, row.id, coming === 'taken over' ? row.progress : NO_PROGRESS);
    if (coming !== 'taken over') return;
    const { answer, stages, watch } = row.progress;
    this.#blindUntil = this.#now();
    this.#stages = stages;
    this.#answer = answer;
    if (!watch) return;
    this.#trace.ends = watch.ends;
    this.#printed = watch.outputs;
    this.#since = watch.since;
    this.#baseline = watch.baseline;
  }

  async toItsEnd(): Promise<RunEnd> {
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

  async #attempt(plan: OrderPlan): Promise<RunEnd> {
    const refusal = this.#refusal(plan);
    const spec = this.#specOf(plan);
    if (refusal !== undefined || spec === undefined)
      return await this.#finish(plan, undefined, 'failed', refusal ?? `this Binnacle knows no ${plan.act}`);
    try {
      return await this.#runAndWatch(plan, spec);
    } catch (error) {
      // A fault of ours. What has begun may have worked: only a person can tell.
      const outcome = this.#note.current.stepsBegun === 0 ? 'failed' : 'unknown';
      return await this.#finish(plan, spec, outcome, `the runner failed: ${messageOf(error)}`);
    }
  }

  #refusal(plan: OrderPlan): string | undefined {
    if (plan.format !== 1) return 'the order was written by another version: nothing was run';
    // Watching in another's place runs nothing, and their ledger can't be read here.
    if (this.#coming === 'taken over' && !isOurs(plan, this.#ports.uid)) return undefined;
    return distrustOf(this.#row, plan, this.#ports);
  }

  #specOf(plan: OrderPlan): ActSpec | undefined {
    const { hands, orders } = this.#ports;
    if (plan.act === RESTORE_ACT && plan.undoes !== undefined) return restoreSpec(plan.undoes, orders, hands);
    return this.#ports.kindOf(plan.located.kind)?.acts.find((act) => act.id === plan.act);
  }

  async #runAndWatch(plan: OrderPlan, spec: ActSpec): Promise<RunEnd> {
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
      this.#trace.ends = [{ end: 'not-started', detail: unfit }];
      return;
    }
    const [trace, note, now, { signal }] = [this.#trace, this.#note, this.#now, this.#abort];
    const print = (text: string): void => quietly(() => printer.write(text));
    await runSteps(plan, this.#ports, { trace, note, now, signal, print });
    if (spec.read) this.#answer = this.#ports.masker.value(this.#readAnswer(plan, spec));
    this.#printed = trace.outputs.flatMap(({ title, sha256, sizeBytes }) =>
      sha256 === undefined ? [] : [{ title, sha256, sizeBytes: sizeBytes ?? 0 }],
    );
    if (trace.ends.length === 0) return;
    // From here on another runner could go on in our place.
    const [since, baseline, outputs] = [this.#since, this.#baseline, this.#printed];
    note.tell({
      watch: { since, baseline, ends: trace.ends, outputs, takeovers: 0 },
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

  /** Asks the state after every change and at every deadline, until a verdict. */
  async #watch(plan: OrderPlan, spec: ActSpec): Promise<{ outcome: Outcome; summary: string }> {
    for (;;) {
      const now = this.#now();
      this.#look(plan, spec, now);
      const proof = spec.answerIsProof ? this.#answer : undefined;
      const verdict = judge({
        now,
        startedAt: this.#since,
        ends: this.#trace.ends,
        stepsLeft: false,
        stages: this.#stages,
        ...(this.#cancelledBy === undefined ? {} : { cancelledBy: this.#cancelledBy }),
        ...(proof ? { proof } : {}),
        ...(this.#blindUntil === undefined ? {} : { blindUntil: this.#blindUntil }),
      });
      if (verdict.state === 'ended') return verdict;
      this.#note.tell({ doing: `watching until ${toIso(verdict.until).slice(11, 19)}Z` });
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
      this.#note.tell({ stages: this.#stages });
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
        if (spec && this.#note.current.stepsBegun > 0 && !this.#note.current.watch)
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
    const { stepsDone } = this.#note.current;
    const { lastStepAt } = this.#trace;
    const seen = {
      ...(lastStepAt === undefined ? {} : { lastStepAt }),
      ...(this.#stages === undefined ? {} : { stages: this.#stages }),
    };
    return { order, act, target, params, startedAt, revision, baseline, stepsDone, ...seen };
  }

  #readAnswer(plan: OrderPlan, spec: ActSpec): StepAnswer | undefined {
    if (this.#trace.outputs.length === 0) return undefined;
    try {
      return spec.read?.(this.#trace.outputs, this.#actOrder(plan));
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

  async #finish(
    plan: OrderPlan,
    spec: ActSpec | undefined,
    outcome: Outcome,
    summary: string,
  ): Promise<RunEnd> {
    const { clock, ledger, masker, orders, version } = this.#ports;
    const told = masker.text(summary + this.#leftRunning());
    const progress: OrderRow['progress'] = {
      ...this.#note.current,
      doing: 'ended',
      summary: told,
      ...(this.#answer ? { answer: this.#answer } : {}),
    };
    const at = clock.now();
    const order = this.#row.id;
    const outputs = this.#printed;
    const record = finishedRecord({ order, plan, at, who: plan.who, version, outcome, progress, outputs });
    // Another user's ledger is theirs alone: their next cockpit enters what the row says.
    const recorded = isOurs(plan, this.#ports.uid)
      ? await persist(clock, () => ledger.appendOnce(record))
      : true;
    if (!recorded) return 'not-recorded';
    const release = mayTryAgain(outcome, spec);
    const stored = await persist(clock, () => orders.finish(this.#row, { outcome, at, progress, release }));
    return stored === undefined ? 'not-recorded' : 'done';
  }

  /** Processes that left the program's group and were not ended with it: somebody must know of them. */
  #leftRunning(): string {
    const left = (this.#note.current.escaped ?? []).filter(
      (pid) => this.#ports.hands.startedAt(pid) !== undefined,
    );
    return left.length === 0 ? '' : `; left running: ${left.join(', ')}`;
  }
}
