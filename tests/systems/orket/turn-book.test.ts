/**
 * Turns are kept from one derivation to the next. Whatever happened in between, and in whatever order, what is derived
 * must be what would be derived by somebody who sees everything for the first time.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Entity, entityKey } from '../../../src/domain/entity.ts';
import { addMs, type Instant, instant, toIso } from '../../../src/domain/instant.ts';
import { emptyProcessTable, type ProcessTable } from '../../../src/domain/process.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import type { IngestEvent } from '../../../src/ingest/ingest.ts';
import { deriveOrket } from '../../../src/systems/orket/derive.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { Derived, FactsOf } from '../../../src/systems/system.ts';
import { locatedAfter } from './big-facts.ts';

const START = instant(Date.UTC(2026, 1, 20, 3, 0, 0));
const located = locatedAfter(60_000);

const RUNS = ['aaaa1111', 'BBBB2222'] as const;
const CARDS = ['TIDE-1', 'reef-2'] as const;
const ROLES = ['coder', 'reviewer'] as const;
const STAGES = ['asked', 'answered', 'torn', 'cut', 'failed', 'done'] as const;
const EVENTS = [
  'turn_start',
  'turn_complete',
  'turn_failed',
  'turn_non_progress',
  'tool_call_blocked',
] as const;

interface Turn {
  readonly run: (typeof RUNS)[number];
  readonly card: (typeof CARDS)[number];
  readonly index: number;
  readonly role: (typeof ROLES)[number];
}

type Step =
  | {
      readonly do: 'turn';
      readonly turn: Turn;
      readonly place: string;
      readonly stage: (typeof STAGES)[number];
    }
  | { readonly do: 'gone'; readonly turn: Turn; readonly place: string }
  | { readonly do: 'log' | 'event'; readonly turn: Turn; readonly event: (typeof EVENTS)[number] }
  | { readonly do: 'retry' }
  | { readonly do: 'violation'; readonly turn: Turn }
  | { readonly do: 'database'; readonly runs: readonly RunRow[]; readonly cards: readonly CardRow[] }
  | { readonly do: 'process'; readonly pid: number | undefined }
  | { readonly do: 'pass'; readonly seconds: number };
interface RunRow {
  readonly id: (typeof RUNS)[number];
  readonly status: string;
  readonly target: string | null;
  readonly failure: string | null;
}
interface CardRow {
  readonly id: (typeof CARDS)[number];
  readonly status: string;
}

const turn: fc.Arbitrary<Turn> = fc.record({
  run: fc.constantFrom(...RUNS),
  card: fc.constantFrom(...CARDS),
  index: fc.integer({ min: 1, max: 2 }),
  role: fc.constantFrom(...ROLES),
});
const place = fc.constantFrom('workspace/default', 'workspace/other');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('turn' as const),
      turn,
      place,
      stage: fc.constantFrom(...STAGES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gone' as const), turn, place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('log' as const, 'event' as const),
      turn,
      event: fc.constantFrom(...EVENTS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('violation' as const), turn }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('database' as const),
      runs: fc.uniqueArray(
        fc.record({
          id: fc.constantFrom(...RUNS),
          status: fc.constantFrom('running', 'done', 'failed', 'incomplete'),
          target: fc.constantFrom(null, ...CARDS),
          failure: fc.constantFrom(null, 'ModelTimeoutError'),
        }),
        { selector: ({ id }) => id },
      ),
      cards: fc.uniqueArray(
        fc.record({
          id: fc.constantFrom(...CARDS),
          status: fc.constantFrom('in_progress', 'done', 'blocked'),
        }),
        { selector: ({ id }) => id },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('process' as const), pid: fc.constantFrom(undefined, 77, 78) }),
  },
  // Also backwards: clocks are set.
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 30, 61, 600, -45) }),
  },
);

/** An installation that is told of, without a disk. */
class Told {
  readonly store = new FactStore(located, orketKind.parsers);
  now: Instant = START;
  processes: ProcessTable = emptyProcessTable(START);
  #offset = 0;

  constructor() {
    this.store.setSpecs(orketKind.sources(located, {}));
  }

  take(one: Step): void {
    switch (one.do) {
      case 'turn':
        this.#chunk('turns', this.#directory(one.turn, one.place), this.#files(one.turn, one.stage));
        break;
      case 'gone': {
        const path = this.#directory(one.turn, one.place);
        this.store.take({ type: 'gone', source: 'turns', path, at: this.now });
        break;
      }
      case 'log':
        this.#line('orket.log', 'workspace/default/orket.log', this.#logged(one.turn, one.event));
        break;
      case 'event': {
        const path = 'workspace/default/agent_output/observability/runtime_events.jsonl';
        this.#line('events', path, { event: one.event, ...this.#ids(one.turn), role: one.turn.role });
        break;
      }
      case 'retry':
        this.#line('orket.log', 'workspace/default/orket.log', {
          timestamp: toIso(this.now),
          role: 'system',
          event: 'model_timeout_retry',
          data: { model: 'm', attempt: this.#offset },
        });
        break;
      case 'violation': {
        const { run, card } = one.turn;
        const path = `workspace/default/agent_output/policy_violation_${card}.json`;
        const text = JSON.stringify({
          session_id: run,
          card_id: card,
          violation_type: 'scope',
          detail: 'no',
        });
        this.#chunk('violations', path, { type: 'document', text });
        break;
      }
      case 'database':
        this.#chunk('db', '.orket/durable/db/orket_persistence.db', this.#rows(one.runs, one.cards));
        break;
      case 'process':
        this.processes = this.#table(one.pid);
        break;
      case 'pass':
        this.now = addMs(this.now, one.seconds * 1000);
    }
  }

  derive(facts: FactsOf): Derived {
    return deriveOrket({ located, facts, processes: this.processes, now: this.now });
  }

  #chunk(source: string, path: string, chunk: Extract<IngestEvent, { type: 'chunk' }>['chunk']): void {
    this.store.take({ type: 'chunk', source, path, chunk, at: this.now, modifiedAt: this.now, fresh: false });
  }

  #line(source: string, path: string, value: object): void {
    this.#offset += 100;
    this.#chunk(source, path, {
      type: 'lines',
      lines: [{ text: JSON.stringify(value), offset: this.#offset }],
    } as never);
  }

  #directory({ run, card, index, role }: Turn, workspace: string): string {
    return `${workspace}/observability/${run.toLowerCase()}/${card.toLowerCase()}/00${index}_${role}`;
  }

  #ids({ run, card, index, role }: Turn): object {
    return {
      session_id: run,
      issue_id: card,
      turn_index: index,
      turn_trace_id: `${run}:${card}:${role}:${index}`,
    };
  }

  #logged(of: Turn, event: string): object {
    const data = {
      ...this.#ids(of),
      role: of.role,
      error: 'why',
      selected_model: 'm',
      tool: 'write_file',
      reason: 'not allowed',
    };
    return { timestamp: toIso(this.now), role: of.role, event, data };
  }

  #files({ card }: Turn, stage: (typeof STAGES)[number]): Extract<IngestEvent, { type: 'chunk' }>['chunk'] {
    const texts: { [name: string]: string } = {};
    const names = ['messages.json'];
    if (stage !== 'asked') names.push('model_response.txt');
    if (stage !== 'asked' && stage !== 'answered') {
      names.push('checkpoint.json');
      const checkpoint = {
        issue_id: card,
        model: 'm',
        tool_calls: [{ tool: 'write_file', args: {} }],
        state_delta: { from: 'in_progress', to: 'code_review' },
        captured_at: toIso(this.now),
      };
      texts['checkpoint.json'] = JSON.stringify(checkpoint).slice(0, stage === 'torn' ? 20 : undefined);
    }
    if (stage === 'failed' || stage === 'done') {
      const name = 'tool_result_write_file_0123456789ab.json';
      names.push(name);
      texts[name] = JSON.stringify({ ok: stage === 'done', error: 'broke' });
    }
    return {
      type: 'directory',
      names,
      texts,
      modifiedAt: Object.fromEntries(names.map((name) => [name, this.now])),
    };
  }

  #rows(
    runs: readonly RunRow[],
    cards: readonly CardRow[],
  ): Extract<IngestEvent, { type: 'chunk' }>['chunk'] {
    return {
      type: 'database',
      failed: {},
      results: {
        runs: runs.map(({ id, status, target, failure }, at) => ({
          session_id: id,
          run_name: 'tide',
          build_id: 'build-tide',
          status,
          failure_class: failure,
          summary_json: JSON.stringify({ target_issue_id: target }),
          started_at: toIso(addMs(START, at * 1000)),
          ended_at: status === 'running' ? null : toIso(addMs(START, 500_000)),
        })),
        cards: cards.map(({ id, status }) => ({ id, build_id: 'build-tide', summary: 'work', status })),
        moves: [],
      },
    } as never;
  }

  #table(pid: number | undefined): ProcessTable {
    const empty = emptyProcessTable(this.now);
    if (pid === undefined) return empty;
    const process = {
      pid,
      parentPid: 1,
      groupId: pid,
      startedAt: START,
      argv: ['python', 'main.py', '--epic', 'tide'],
      cwd: located.root,
      state: 'S',
      ports: [],
      readsTerminal: false,
    };
    return { ...empty, processes: [process] } as ProcessTable;
  }
}

/** The same facts as nobody has seen them before: no object of it is one that was met. */
function anew(store: FactStore): FactsOf {
  return {
    files: (source) =>
      store.files(source).map((file) => ({
        ...file,
        facts: new Map([...file.facts].map(([key, fact]) => [key, structuredClone(fact)])),
      })),
    status: (source) => store.status(source),
  };
}

function shown({ entities, ...rest }: Derived): object {
  const byKey = new Map<string, Entity>(entities.map((entity) => [entityKey(entity), entity]));
  expect(byKey.size, 'each entity once').toBe(entities.length);
  return { ...rest, entities: Object.fromEntries([...byKey].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

it('what is derived on and on is what would be derived anew', () => {
  const states = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const told = new Told();
      for (const one of steps) {
        told.take(one);
        const derived = told.derive(told.store);
        for (const entity of derived.entities) if (entity.type === 'turn') states.add(entity.state);
        expect(shown(derived)).toEqual(shown(told.derive(anew(told.store))));
      }
    }),
    { numRuns: 150 },
  );
  // Else it would have compared little.
  expect([...states].sort()).toEqual([
    'completed',
    'dead',
    'failed',
    'in-flight',
    'no-progress',
    'stalled',
    'unknown',
  ]);
});

it('what did not move is the same object, and what moved is another', () => {
  const told = new Told();
  const name = (run: number): Turn => ({ run: `r${run}`, card: 'TIDE-1', index: 1, role: 'coder' }) as never;
  for (let run = 0; run < 300; run += 1)
    told.take({
      do: 'turn',
      turn: name(run),
      place: 'workspace/default',
      stage: run % 10 === 0 ? 'cut' : 'done',
    });
  const before = new Map(told.derive(told.store).entities.map((entity) => [entityKey(entity), entity]));
  told.take({ do: 'turn', turn: name(7), place: 'workspace/default', stage: 'failed' });
  told.take({ do: 'turn', turn: name(300), place: 'workspace/default', stage: 'done' });
  const moved = told
    .derive(told.store)
    .entities.filter((entity) => entity.type === 'turn' && before.get(entityKey(entity)) !== entity);
  expect(moved.map(({ id }) => id).sort()).toEqual(['r300:tide-1:1:coder', 'r7:tide-1:1:coder']);
});
