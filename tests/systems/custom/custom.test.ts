import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { attentionOf } from '../../../src/domain/attention.ts';
import type { Entity } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import { emptyProcessTable } from '../../../src/domain/process.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { keyOfItem } from '../../../src/store/selectors/act-key.ts';
import { customKind } from '../../../src/systems/custom/index.ts';
import type { Derived } from '../../../src/systems/system.ts';
import { deriveCase, goldenOf, layOutCase, locateCase } from '../fixture-case.ts';

const description: unknown = parse(
  readFileSync(new URL('../../../fixtures/custom/queue/kind.yaml', import.meta.url), 'utf8'),
);
const kind = customKind('nightly', description, 'test');

describe('a kind described in the configuration', () => {
  let laid: Awaited<ReturnType<typeof layOutCase>>;
  let derived: Derived;
  beforeAll(async () => {
    laid = await layOutCase('custom', 'queue');
    derived = await deriveCase(kind, laid.dir, laid.case);
  });
  afterAll(() => laid.remove());

  const job = (id: string): Entity => {
    const found = derived.entities.find((entity) => entity.type === 'job' && entity.id === id);
    if (!found) throw new Error(`no job ${id}`);
    return found;
  };
  const view = () =>
    stateViewOf(
      locateCase(kind, laid.dir, laid.case),
      laid.case.at,
      new Map(derived.entities.map((entity) => [`${entity.type}/${entity.id}`, entity])),
      {},
      emptyProcessTable(laid.case.at),
    );

  it('gives the entities its description promises', () => {
    const { actual, expected } = goldenOf('custom', 'queue', derived, laid.dir);
    expect(actual).toEqual(expected);
  });

  it('shows the key of the menu its act was put in, not the one of the verb', async () => {
    const { acts, ...rest } = description as { acts: readonly Record<string, unknown>[] };
    const moved = (menu?: string): Promise<Derived> => {
      const put = acts.map((act) => ({ ...act, ...(menu === undefined ? {} : { menu }) }));
      return deriveCase(customKind('nightly', { ...rest, acts: put }, 'test'), laid.dir, laid.case);
    };
    const keys = ({ entities }: Derived): (string | undefined)[] =>
      attentionOf(entities).map((item) => item.act && keyOfItem(item));
    expect(new Set(keys(await moved()))).toEqual(new Set(['r', undefined]));
    expect(new Set(keys(await moved('rollback')))).toEqual(new Set(['B', undefined]));
  });

  it('knows of a log whose writer empties it', () => {
    const sources = {
      out: { type: 'log', glob: 'out.log', volatile: true },
      err: { type: 'log', glob: 'err.log' },
    };
    const emptied = customKind('emptied', { title: 'Emptied', sources, entities: [] }, 'test');
    const located = locateCase(emptied, laid.dir, laid.case);
    expect(emptied.sources(located, {}).map(({ id, volatile }) => [id, volatile])).toEqual([
      ['out', true],
      ['err', undefined],
    ]);
  });

  it('tells when the next job would fall silent', () => {
    expect(derived.nextInstant).toBe(instant(Date.parse('2026-03-01T03:00:50Z')));
  });

  it('plans an act as one argument per value', () => {
    const act = kind.acts[0];
    expect(act?.precondition(view(), job('j-3'))).toBeUndefined();
    expect(act?.plan(view(), job('j-3'), {})).toEqual([
      {
        type: 'process',
        title: 'Retry job',
        argv: [`${laid.dir}/bin/retry`, '--job', 'j-3', '--name', 'mail digest'],
        cwd: laid.dir,
        timeoutMs: 60_000,
      },
    ]);
  });

  it('refuses to pass an id that would be an option, and a job in another state', () => {
    const act = kind.acts[0];
    expect(act?.precondition(view(), job('-rf'))).toMatch(/not passed to a program/);
    expect(act?.precondition(view(), job('j-1'))).toBe('it is running; wanted: failed');
  });
});

describe('a description with a mistake', () => {
  interface Described {
    entities: { from: string }[];
    acts: { id: string; steps: { timeout?: string }[] }[];
    sources: { app: { pattern?: string } };
  }
  const wrong = (change: (copy: Described) => void): string => {
    const copy = structuredClone(description) as Described;
    change(copy);
    try {
      customKind('nightly', copy, 'binnacle.yaml: kinds.nightly');
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return 'accepted';
  };

  it.each<[string, (copy: Described) => void, string]>([
    ['an unknown key', (copy) => void Object.assign(copy, { colour: 1 }), '.colour: is no key here'],
    [
      'a source that is not there',
      (copy) => void Object.assign(copy.entities[0] ?? {}, { from: 'nope' }),
      'there is no source "nope"',
    ],
    [
      'a bad duration',
      (copy) => void Object.assign(copy.acts[0]?.steps[0] ?? {}, { timeout: 'soon' }),
      'a duration such as',
    ],
    ['an act without a verb', (copy) => void Object.assign(copy.acts[0] ?? {}, { id: 'retry' }), 'noun.verb'],
    [
      'a pattern that is none',
      (copy) => void Object.assign(copy.sources.app, { pattern: '(' }),
      '.sources.app.pattern',
    ],
  ])('names %s', (_what, change, message) => {
    expect(wrong(change)).toContain(message);
  });
});
