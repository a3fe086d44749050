import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { checkConfig } from '../../src/config/load.ts';
import { kindsOf } from '../../src/config/systems.ts';
import { descriptionOf } from '../systems/custom/described.ts';
import { problemsOf } from './json-schema-check.ts';

const schema = await configJsonSchema();
const kinds = {
  nightly: descriptionOf('queue'),
  sessions: descriptionOf('transcripts'),
  units: descriptionOf('units'),
};

/** Whether the program takes a configuration with these kinds. */
const isTaken = async (described: unknown): Promise<boolean> => {
  try {
    const file = checkConfig(JSON.stringify({ kinds: { it: described } }), 'test');
    await kindsOf(file, { path: undefined });
    return true;
  } catch {
    return false;
  }
};

describe('the JSON Schema of binnacle.yaml', () => {
  it.each(Object.entries(kinds))(
    'fits the worked example %s, which the program takes',
    async (_name, described) => {
      expect(problemsOf(schema, { kinds: { it: described } })).toEqual([]);
      expect(await isTaken(described)).toBe(true);
    },
  );

  it('fits the configurations of the README', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const blocks = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) {
      expect(problemsOf(schema, parse(block)), block).toEqual([]);
    }
  });

  it('knows settings by kind', () => {
    const entry = (kind: string, settings: object) => ({ systems: [{ kind, root: '/srv', ...settings }] });
    expect(problemsOf(schema, entry('openclaw', { interval: 2, 'read-only': true }))).toEqual([]);
    expect(problemsOf(schema, entry('orket', { interval: 2 }))).toEqual(['.systems.0.interval: enum']);
    expect(problemsOf(schema, entry('nightly', { whatever: 'it says' }))).toEqual([]);
    expect(problemsOf(schema, { systems: [{ kind: 'orket' }] })).toEqual(['.systems.0.root: required']);
  });

  type Described = {
    sources: Record<string, Record<string, unknown>>;
    entities: Record<string, unknown>[];
    acts: { steps: Record<string, unknown>[]; expect: Record<string, unknown>[]; [key: string]: unknown }[];
  };
  it.each<[string, (kind: Described) => void]>([
    [
      'a source of no known type',
      (kind) => void Object.assign(kind.sources['unit'] ?? {}, { type: 'guess' }),
    ],
    ['a probe without a program', (kind) => void delete kind.sources['unit']?.['argv']],
    [
      'a key that belongs to another entity type',
      (kind) => void Object.assign(kind.entities[0] ?? {}, { lease: 'x' }),
    ],
    ['a duration in words', (kind) => void Object.assign(kind.acts[0]?.expect[0] ?? {}, { within: 'soon' })],
    ['an act that is no noun.verb', (kind) => void Object.assign(kind.acts[0] ?? {}, { id: 'restart' })],
    [
      'a step of no known type',
      (kind) => void Object.assign(kind.acts[0]?.steps[0] ?? {}, { type: 'shell' }),
    ],
    [
      'an exit code that is none',
      (kind) => void Object.assign(kind.acts[0]?.steps[0] ?? {}, { success: [300] }),
    ],
    [
      'an act without an expected outcome that is a list',
      (kind) => void Object.assign(kind.acts[0] ?? {}, { expect: 'up' }),
    ],
  ])('refuses %s, as the program does', async (_what, change) => {
    const copy = structuredClone(kinds.units) as Described;
    change(copy);
    expect(problemsOf(schema, { kinds: { it: copy } })).not.toEqual([]);
    expect(await isTaken(copy)).toBe(false);
  });
});
