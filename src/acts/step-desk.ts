/** Going through playbooks step by step: what stands, what is recorded, and what is seen meanwhile. */
import type { ActEntry, ActOffer, ActStatus, StepAnswer } from '../domain/act.ts';
import { type Entity, type Ref, refKey, refOf } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { OrderRow } from '../domain/order.ts';
import {
  isSameOccurrence,
  type PlaybookView,
  type StepMark,
  type StepPlace,
  type StepProgress,
  type StepRun,
  type StepView,
  stepCounts,
  stepKeys,
} from '../domain/steps.ts';
import type { Playbook, StateView } from '../systems/system.ts';
import { checkStateOf, paramsOf, targetOf } from './playbook-state.ts';
import type { ActServicePorts } from './ports.ts';

/** Longest remark kept, in characters. */
const LONGEST_REMARK = 1_000;

/** An item with the playbook for its condition. */
export interface StepSubject {
  readonly playbook: Playbook;
  readonly view: StateView;
  readonly item: Entity;
}

/** What else of the acts the steps are judged by. */
export interface StepSurroundings {
  offersFor(target: Ref): readonly ActOffer[];
  entries(): readonly ActEntry[];
  /** The item as it is now; undefined when it is not there, or its system is not watched. */
  subjectOf(item: Ref, playbook: string): StepSubject | undefined;
}

/** The wish of a person about one step. */
export interface MarkRequest extends StepPlace {
  readonly state: 'done' | 'skipped' | 'open';
  readonly remark?: string;
}

/** The playbook an item's condition asks for, else the one that belongs to it, by id. */
export function playbookIdOf(item: Entity): string | undefined {
  return item.attention?.playbook ?? item.playbook;
}

/** The steps of a cockpit or a verb, over the record all of the host share. */
export class StepDesk {
  readonly #ports: Pick<ActServicePorts, 'clock' | 'masker' | 'orders' | 'steps' | 'who'>;
  readonly #around: StepSurroundings;
  /** Runs whose condition this process has seen: only of those it can tell that it is over. */
  readonly #seen = new Set<string>();

  constructor(
    ports: Pick<ActServicePorts, 'clock' | 'masker' | 'orders' | 'steps' | 'who'>,
    around: StepSurroundings,
  ) {
    this.#ports = ports;
    this.#around = around;
  }

  /** A playbook with the state of each step. A check that fails on what it sees is unknown, not open. */
  view(subject: StepSubject): PlaybookView {
    const { playbook, item } = subject;
    const run = this.#runOf(subject);
    const marks = run ? this.#quietly(() => this.#ports.steps.marks(run.id)) : undefined;
    const keys = stepKeys(playbook.steps.map(({ text }) => text));
    const since = run?.since ?? item.attention?.since;
    const steps = playbook.steps.map((_step, index) =>
      this.#stepView(subject, index, marks?.get(keys[index] ?? ''), since),
    );
    const next = steps.findIndex(({ state }) => state !== 'done' && state !== 'skipped');
    const last = [...(marks?.values() ?? [])]
      .filter(({ by }) => by !== '')
      .reduce<StepMark | undefined>(
        (newest, mark) => (newest && newest.seq > mark.seq ? newest : mark),
        undefined,
      );
    return {
      id: playbook.id,
      title: playbook.title,
      steps,
      ...(next < 0 ? {} : { next }),
      ...(run
        ? {
            run: {
              begunAt: run.begunAt,
              begunBy: run.begunBy,
              lastAt: last?.at ?? run.begunAt,
              lastBy: last?.by ?? run.begunBy,
            },
          }
        : {}),
    };
  }

  /** Records what a person says of a step. `why`: it was not recorded. */
  mark(request: MarkRequest): { readonly done: boolean; readonly why?: string } {
    const found = this.#around.subjectOf(request.item, request.playbook);
    if (!found) return { done: false, why: 'the item is not there any more' };
    const step = found.playbook.steps[request.index];
    if (!step || step.text !== request.text)
      return { done: false, why: 'the steps are not those that were shown' };
    if (step.type === 'check' && request.state === 'done')
      return { done: false, why: 'this step is checked off by what is seen, nobody does it' };
    if (step.type === 'act' && request.state === 'done')
      return { done: false, why: 'this step is done by its act; without it, it can be skipped' };
    const { clock, masker, steps } = this.#ports;
    const remark = masker.text((request.remark ?? '').trim().slice(0, LONGEST_REMARK));
    try {
      const run = this.#begin(found);
      const { marked, mark } = steps.mark({
        ...{ run: run.id, step: keyOf(found.playbook, request.index), index: request.index },
        ...{ state: request.state, by: this.#me, at: clock.now() },
        ...(remark === '' ? {} : { remark }),
      });
      if (marked) return { done: true };
      return {
        done: false,
        why: mark.seq === 0 ? 'nothing is recorded of this step' : `${mark.by} was first`,
      };
    } catch (error) {
      return { done: false, why: `it could not be recorded: ${messageOf(error)}` };
    }
  }

  /** The act of a step was started. */
  begun(place: StepPlace, act: string, order: string): void {
    this.#enter(place, act, { state: 'begun', order });
  }

  /** The act of a step only reads, and has answered. */
  looked(place: StepPlace, act: string, answer: StepAnswer): void {
    if (answer.ok)
      this.#enter(place, act, { state: 'done', remark: answer.summary.slice(0, LONGEST_REMARK) });
  }

  #enter(place: StepPlace, act: string, what: Pick<StepMark, 'state' | 'order' | 'remark'>): void {
    const found = this.#around.subjectOf(place.item, place.playbook);
    const step = found?.playbook.steps[place.index];
    if (!found || step?.type !== 'act' || step.text !== place.text || step.act !== act) return;
    this.#quietly(() => {
      const run = this.#begin(found);
      const at = this.#ports.clock.now();
      const key = keyOf(found.playbook, place.index);
      this.#ports.steps.mark({ run: run.id, step: key, index: place.index, by: this.#me, at, ...what });
    });
  }

  /**
   * Enters what has been seen since: checks that came to hold or no longer do, acts that ended, conditions that are over.
   * Any cockpit may; each thing is entered once.
   */
  look(): void {
    this.#quietly(() => {
      for (const run of this.#ports.steps.open()) this.#lookAt(run);
    });
  }

  /** Runs under way on systems that are watched. */
  progress(): readonly StepProgress[] {
    const runs = this.#quietly(() => this.#ports.steps.open()) ?? [];
    return runs.flatMap((run) => {
      const found = this.#subjectOfRun(run);
      if (!found) return [];
      const view = this.view(found);
      if (!view.run) return [];
      const next = view.next === undefined ? undefined : view.steps[view.next]?.text;
      const { done, skipped } = stepCounts(view);
      return [
        {
          target: run.target,
          title: run.title,
          playbook: run.playbookTitle,
          done: done + skipped,
          total: view.steps.length,
          ...(next === undefined ? {} : { next }),
          lastBy: view.run.lastBy,
          lastAt: view.run.lastAt,
        },
      ];
    });
  }

  get #me(): string {
    return this.#ports.who.cameFrom ?? this.#ports.who.user;
  }

  #stepView(
    { playbook, view, item }: StepSubject,
    index: number,
    mark: StepMark | undefined,
    since: Instant | undefined,
  ): StepView {
    const step = playbook.steps[index] as Playbook['steps'][number];
    const common = { type: step.type, text: step.text } as const;
    switch (step.type) {
      case 'note':
        return {
          ...common,
          state: mark?.state === 'begun' ? 'open' : (mark?.state ?? 'open'),
          ...shown(mark),
        };
      case 'check': {
        const state = checkStateOf(step, view, item);
        if (state === 'done') return { ...common, state, ...(mark?.state === 'done' ? shown(mark) : {}) };
        return mark?.state === 'skipped'
          ? { ...common, state: 'skipped', ...shown(mark) }
          : { ...common, state };
      }
      case 'act': {
        const on = targetOf(step, view, item);
        const order =
          mark?.order === undefined ? this.#newestOrder(step.act, on, since) : this.#orderOf(mark.order);
        const status = order?.status;
        const offer = on && this.#around.offersFor(on).find((one) => one.act === step.act);
        const params = paramsOf(step, view, item);
        const isRead = mark?.state === 'done' && mark.order === undefined;
        const isDone = status === 'verified' || status === 'settled' || isRead;
        return {
          ...common,
          state: isDone ? 'done' : mark?.state === 'skipped' ? 'skipped' : on ? 'open' : 'unknown',
          act: step.act,
          ...(on ? { target: on } : {}),
          ...(offer ? { offer } : {}),
          ...(params ? { params } : {}),
          ...(order && mark?.state !== 'skipped'
            ? { mark: { by: order.by, at: order.at, order: order.id, ...(status ? { status } : {}) } }
            : shown(mark)),
        };
      }
    }
  }

  /** An act that was done otherwise than from its step counts all the same. */
  #newestOrder(act: string, on: Ref | undefined, since: Instant | undefined): FoundOrder | undefined {
    if (!on) return undefined;
    const key = refKey(on);
    const found = this.#around
      .entries()
      .filter((one) => one.act === act && refKey(one.target) === key && one.startedAt >= (since ?? 0))
      .sort((a, b) => b.startedAt - a.startedAt);
    const entry = found.find(({ status }) => status === 'verified') ?? found[0];
    return (
      entry && { id: entry.order, by: entry.by, at: entry.endedAt ?? entry.startedAt, status: entry.status }
    );
  }

  #orderOf(id: string): FoundOrder | undefined {
    const row = this.#quietly(() => this.#ports.orders.get(id));
    return row && { id, by: row.user, at: row.endedAt ?? row.createdAt, status: row.outcome ?? 'running' };
  }

  #runOf({ playbook, item }: StepSubject): StepRun | undefined {
    const run = this.#quietly(() => this.#ports.steps.newest(refOf(item), playbook.id));
    return run && isSameOccurrence(run, item.attention?.since) ? run : undefined;
  }

  #begin({ playbook, item }: StepSubject): StepRun {
    const { clock, masker, steps } = this.#ports;
    const at = clock.now();
    const since = item.attention?.since;
    const run = steps.begin({
      id: newRunId(at),
      target: refOf(item),
      title: masker.text(item.title),
      playbook: playbook.id,
      playbookTitle: playbook.title,
      begunAt: at,
      begunBy: this.#me,
      ...(since === undefined ? {} : { since }),
    });
    this.#seen.add(run.id);
    return run;
  }

  #subjectOfRun(run: StepRun): StepSubject | undefined {
    const found = this.#around.subjectOf(run.target, run.playbook);
    if (!found || playbookIdOf(found.item) !== run.playbook) return undefined;
    return isSameOccurrence(run, found.item.attention?.since) ? found : undefined;
  }

  #lookAt(run: StepRun): void {
    const { clock, steps } = this.#ports;
    const marks = steps.marks(run.id);
    this.#enterOutcomes(run, marks);
    const found = this.#subjectOfRun(run);
    if (!found) {
      if (this.#seen.delete(run.id)) steps.end(run.id, clock.now());
      return;
    }
    this.#seen.add(run.id);
    for (const [index, step] of found.playbook.steps.entries()) {
      if (step.type !== 'check') continue;
      const state = checkStateOf(step, found.view, found.item);
      const known = marks.get(keyOf(found.playbook, index))?.state ?? 'open';
      if (state === 'unknown' || state === known || (known === 'skipped' && state === 'open')) continue;
      const key = keyOf(found.playbook, index);
      steps.mark({ run: run.id, step: key, index, state, by: '', at: clock.now() });
    }
  }

  /** How the acts of steps ended, whether a cockpit ran then or not. */
  #enterOutcomes(run: StepRun, marks: ReadonlyMap<string, StepMark>): void {
    for (const mark of marks.values()) {
      if (mark.state !== 'begun' || mark.order === undefined) continue;
      const row = this.#ports.orders.get(mark.order);
      if (row?.outcome === undefined || row.outcome === 'unknown') continue;
      const isDone = row.outcome === 'verified' || row.outcome === 'settled';
      this.#ports.steps.mark({
        ...{ run: run.id, step: mark.step, index: mark.index, order: mark.order, by: mark.by },
        ...{ state: isDone ? ('done' as const) : ('open' as const), at: row.endedAt ?? mark.at },
        remark: outcomeText(row),
      });
    }
  }

  #quietly<T>(task: () => T): T | undefined {
    try {
      return task();
    } catch {
      // Locked by another process: what is read or entered here is so again at the next look.
      return undefined;
    }
  }
}

interface FoundOrder {
  readonly id: string;
  readonly by: string;
  readonly at: Instant;
  readonly status: ActStatus;
}

function outcomeText(row: OrderRow): string {
  const { summary } = row.progress;
  return summary === undefined || summary === '' ? (row.outcome ?? '') : `${row.outcome}: ${summary}`;
}

function shown(mark: StepMark | undefined): Pick<StepView, 'mark'> {
  if (!mark) return {};
  const { by, at, remark, order } = mark;
  return {
    mark: { by, at, ...(remark === undefined ? {} : { remark }), ...(order === undefined ? {} : { order }) },
  };
}

function keyOf({ steps }: Playbook, index: number): string {
  return stepKeys(steps.map(({ text }) => text))[index] ?? '';
}

function newRunId(at: Instant): string {
  const random = crypto.getRandomValues(new Uint8Array(5));
  return `${Math.floor(at).toString(36)}-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
