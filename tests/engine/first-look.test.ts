import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SystemId } from '../../src/domain/entity.ts';
import { readersOf } from '../../src/engine/kind-lines.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import { until } from '../ingest/collector.ts';
import { listen, Mill, millAt, millEngine, millKind } from './mill.ts';

let long: Mill;
let short: Mill;
const ends: (() => unknown)[] = [];
beforeEach(() => {
  long = new Mill();
  short = new Mill();
  long.jobs({ a: { status: 'running' } });
  short.jobs({ b: { status: 'running' } });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  for (const mill of [long, short]) mill.remove();
});

/** Short ones: reading what is read of a long log at start takes several times as long as it is between two messages. */
const LINES = 700_000;

describe('the first look at a long log', () => {
  it('shows its last lines at once, says how far it is, and holds back no other system', async () => {
    const text = (line: number): string => `${1000 + line} line ${line}\n`;
    writeFileSync(
      join(long.dir, 'mill.log'),
      Array.from({ length: LINES }, (_, line) => text(line)).join(''),
    );
    const located = [millAt(long.dir, 'long' as SystemId), millAt(short.dir, 'short' as SystemId)];
    const engine = millEngine(millAt(long.dir), {
      systems: located.map((one) => ({ kind: millKind, located: one })),
      openLogs: async () => new LogDesk(readersOf(located.map((one) => ({ kind: millKind, located: one })))),
    });
    ends.push(() => engine.close());
    const messages = listen(engine);
    const shares = (): number[] =>
      messages.flatMap(({ systems = [] }) =>
        systems.flatMap(({ id, sources }) =>
          id === 'long' ? sources.flatMap((one) => one.readShare ?? []) : [],
        ),
      );
    const told = (system: string): boolean =>
      messages.some(({ upserts }) => upserts.some((entity) => entity.system === system));

    await until(() => shares().some((share) => share > 0) && told('short'), 20_000);
    expect(told('long')).toBe(false);
    const { rows } = await engine.call('page', { query: { changes: false }, at: 'end', rows: 1 });
    expect(rows[0]?.text).toBe(`line ${LINES - 1}`);

    await engine.call('settle', {});
    expect(shares()).toEqual([...shares()].sort((a, b) => a - b));
    expect(shares().every((share) => share >= 0 && share < 1)).toBe(true);
    expect(told('long')).toBe(true);
    const [summary] = messages.at(-1)?.systems ?? [];
    expect(summary?.sources.find(({ id }) => id === 'log')?.readShare).toBeUndefined();
  });
});
