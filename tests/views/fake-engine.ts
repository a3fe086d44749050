import type { ActPreview } from '../../src/domain/act.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { countInRows, findInRows, histogramOfRows, pageOfRows } from '../../src/domain/log-rows.ts';
import type {
  AnswerOf,
  CallName,
  EnginePort,
  PlaybookView,
  RequestOf,
  StateChanges,
} from '../../src/engine/protocol.ts';
import { offers, previewOf, steps, storyRows, storySnapshot } from './sample-state.ts';

/** One call the screen made. */
export type Recorded = {
  readonly [C in CallName]: { readonly name: C; readonly request: RequestOf<C> };
}[CallName];

/**
 * An engine without sources: it says what a test tells it to say, answers calls from plain values and records them.
 * It is a port like the real ones, not a patched module.
 */
export class FakeEngine implements EnginePort {
  readonly calls: Recorded[] = [];
  rows: readonly LogRow[] = storyRows;
  files: AnswerOf<'parts'>['files'] = [];
  offersByType = offers;
  playbook: PlaybookView | null = steps;
  preview: (act: string, target: ActPreview['target'], params: ActPreview['params']) => ActPreview =
    previewOf;
  output = (): string => 'line one of its output\nline two';
  bad: AnswerOf<'bad'>['records'] = [];
  startAnswer: AnswerOf<'start'> = { order: 'o-2' };
  undoAnswer: AnswerOf<'undo'> = { why: 'you have done nothing yet' };
  markAnswer: AnswerOf<'markStep'> = { done: true };
  /** Calls that are to fail, with the reason. */
  failing: { [C in CallName]?: string } = {};
  private readonly listeners = new Set<(changes: StateChanges) => void>();
  private readonly first: StateChanges | undefined;

  constructor(first: StateChanges | undefined = storySnapshot()) {
    this.first = first;
  }

  /** Calls of one name, in order. */
  of<C extends CallName>(name: C): readonly RequestOf<C>[] {
    return this.calls.filter((call) => call.name === name).map((call) => call.request as RequestOf<C>);
  }

  /** Tells the screen something new. */
  say(changes: Partial<StateChanges> & Pick<StateChanges, 'now'>): void {
    for (const listener of this.listeners)
      listener({ reset: false, complete: true, upserts: [], removed: [], ...changes });
  }

  subscribe(listener: (changes: StateChanges) => void): () => void {
    this.listeners.add(listener);
    if (this.first) listener(this.first);
    return () => this.listeners.delete(listener);
  }

  call<C extends CallName>(name: C, request: RequestOf<C>): Promise<AnswerOf<C>> {
    this.calls.push({ name, request } as Recorded);
    const failure = this.failing[name];
    if (failure !== undefined) return Promise.reject(new Error(failure));
    return Promise.resolve(this.answer({ name, request } as Recorded) as AnswerOf<C>);
  }

  close(): Promise<void> {
    this.listeners.clear();
    return Promise.resolve();
  }

  private answer(call: Recorded): unknown {
    switch (call.name) {
      case 'page':
        return pageOfRows(this.rows, call.request.query, call.request.at, call.request.rows);
      case 'find':
        return {
          row: findInRows(this.rows, call.request.query, call.request.from, call.request.direction) ?? null,
        };
      case 'count':
        return { hits: countInRows(this.rows, call.request.query, call.request.behind), share: 1 };
      case 'histogram':
        return histogramOfRows(this.rows, call.request.query, call.request);
      case 'parts':
        return { files: this.files, problems: [] };
      case 'read': {
        const { path, offset } = call.request;
        const row = this.rows.find((one) => one.path === path && one.offset === offset);
        return { text: row?.text ?? '', sizeBytes: 0 };
      }
      case 'offers':
        return { offers: this.offersByType[call.request.target.type] ?? [] };
      case 'playbook':
        return { playbook: call.request.target.type === 'issue' ? this.playbook : null };
      case 'preview':
        return this.preview(call.request.act, call.request.target, call.request.params);
      case 'start':
        return this.startAnswer;
      case 'undo':
        return this.undoAnswer;
      case 'markStep':
        return this.markAnswer;
      case 'aside':
        return { done: true };
      case 'hold':
        return { held: call.request.take, by: 'me' };
      case 'output':
        return { text: this.output() };
      case 'bad':
        return { records: this.bad };
      case 'refresh':
        return { asked: 4 };
      case 'cancel':
        return { cancelled: true };
      default:
        return { done: true };
    }
  }
}
