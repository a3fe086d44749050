/** Steps: a playbook as it stands for one item, and what operators recorded of it. */
import type { ActOffer, ActStatus, Params } from './act.ts';
import type { Ref } from './entity.ts';
import type { Instant } from './instant.ts';

/** Where a step is: which item's, of which playbook, its place there, and its text as it was shown. */
export interface StepPlace {
  readonly item: Ref;
  readonly playbook: string;
  /** From 0. */
  readonly index: number;
  readonly text: string;
}

/** What a person wants recorded of which step. */
export interface StepWish {
  readonly state: 'done' | 'skipped' | 'open';
  /** From 1, as steps are shown. */
  readonly number: number;
  readonly note: string | undefined;
}

/** `begun`: its act was started; what became of it says the order. */
export type MarkState = 'done' | 'open' | 'skipped' | 'begun';

/** What was recorded of one step at one time. */
export interface StepMark {
  /** Place in the record: grows. */
  readonly seq: number;
  readonly run: string;
  /** Key of the step, see {@link stepKeys}. */
  readonly step: string;
  /** Place in the playbook when it was recorded, from 0. */
  readonly index: number;
  readonly state: MarkState;
  /** The operator; empty for what was seen by the cockpit itself. */
  readonly by: string;
  readonly at: Instant;
  readonly remark?: string;
  /** Of a step that is an act. */
  readonly order?: string;
}

/** One going through a playbook, for one occurrence of a condition. */
export interface StepRun {
  readonly id: string;
  readonly target: Ref;
  readonly title: string;
  readonly playbook: string;
  readonly playbookTitle: string;
  /** Since when the condition is there, where that is known. */
  readonly since?: Instant;
  readonly begunAt: Instant;
  readonly begunBy: string;
  /** When the condition was seen to be over. */
  readonly endedAt?: Instant;
}

/** A mark together with the run it belongs to. */
export interface RecordedStep {
  readonly run: StepRun;
  readonly mark: StepMark;
}

/** A step as it stands. */
export interface StepView {
  readonly type: 'check' | 'act' | 'note';
  readonly text: string;
  readonly state: 'done' | 'open' | 'unknown' | 'skipped';
  readonly act?: string;
  readonly offer?: ActOffer;
  /** What the act of this step is done to, and the parameters it is offered with. */
  readonly target?: Ref;
  readonly params?: Params;
  /** What is recorded of it. `status`: how its act ended, or that it runs. */
  readonly mark?: {
    readonly by: string;
    readonly at: Instant;
    readonly remark?: string;
    readonly order?: string;
    readonly status?: ActStatus;
  };
}

/** Playbook of an item with the state of each step. */
export interface PlaybookView {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly StepView[];
  /** Place of the first step that is neither done nor skipped; undefined when none is left. */
  readonly next?: number;
  /** The run that goes on; undefined while nobody has begun. */
  readonly run?: {
    readonly begunAt: Instant;
    readonly begunBy: string;
    /** The last thing a person recorded. */
    readonly lastAt: Instant;
    readonly lastBy: string;
  };
}

/** A run under way, for whoever takes over. */
export interface StepProgress {
  readonly target: Ref;
  readonly title: string;
  readonly playbook: string;
  readonly done: number;
  readonly total: number;
  readonly next?: string;
  readonly lastBy: string;
  readonly lastAt: Instant;
}

/** Names of the steps in the record: their text, so that a step stays itself when others are put before it. */
export function stepKeys(texts: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return texts.map((text) => {
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return count === 1 ? text : `${text} (${count})`;
  });
}

/**
 * Whether what is recorded belongs to the condition as it stands: one that began after the run did is another occurrence.
 * Where no begin is known, a run goes on until the condition was seen to be over.
 */
export function isSameOccurrence(
  run: Pick<StepRun, 'since' | 'begunAt' | 'endedAt'>,
  since: Instant | undefined,
): boolean {
  if (since === undefined || run.since === undefined) return run.endedAt === undefined;
  return since === run.since || since <= run.begunAt;
}

/** Done and skipped steps, of all: `2 of 5`. */
export function stepCounts({ steps }: Pick<PlaybookView, 'steps'>): {
  readonly done: number;
  readonly skipped: number;
} {
  return {
    done: steps.filter(({ state }) => state === 'done').length,
    skipped: steps.filter(({ state }) => state === 'skipped').length,
  };
}

/** What a recorded mark says, in the words of a report: `step 2 done: tell the team (by phone)`. Raw. */
export function markText({ mark }: RecordedStep): string {
  const more = mark.remark === undefined || mark.remark === '' ? '' : ` (${mark.remark})`;
  const word = { done: 'done', open: 'open', skipped: 'SKIPPED', begun: 'begun' }[mark.state];
  return `step ${mark.index + 1} ${word}: ${mark.step}${more}`;
}

/** Steps of the playbooks of a host, as `db/steps.ts` keeps them. Calls may throw while another process has the lock. */
export interface StepBook {
  /** The newest run of a playbook for an item. */
  newest(target: Ref, playbook: string): StepRun | undefined;
  /** The run of this occurrence: the one there is, else a new one. */
  begin(run: Omit<StepRun, 'endedAt'>): StepRun;
  /** Records a mark, unless the step is in that state already: then that mark comes back. */
  mark(mark: Omit<StepMark, 'seq'>): { readonly marked: boolean; readonly mark: StepMark };
  /** The newest mark of each step, by its key. */
  marks(run: string): ReadonlyMap<string, StepMark>;
  /** Runs whose condition was not seen to be over, newest first. */
  open(): readonly StepRun[];
  /** The condition is over. */
  end(run: string, at: Instant): void;
  /** All marks of a time, oldest first. */
  list(span: { readonly since: Instant; readonly until: Instant }): readonly RecordedStep[];
}
