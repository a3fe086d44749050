import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPositions, POSITIONS_FILE, type PositionStore } from '../../src/db/positions.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, instant } from '../../src/domain/instant.ts';
import { temporary } from '../ingest/collector.ts';

const now = instant(1_795_000_000_000);
const of = { system: 'mill' as SystemId, root: '/srv/mill' };
const self = { pid: 4242, startedAt: instant(1) };
const kept = {
  source: 'log',
  path: 'mill.log',
  stamp: 's',
  position: { form: 1, at: 7 },
  kept: { lines: 2 },
};
let place: ReturnType<typeof temporary>;
let opened: PositionStore[] = [];

beforeEach(() => {
  place = temporary();
});
afterEach(() => {
  for (const store of opened) store.close();
  opened = [];
  place.remove();
});

function open(reader: string, more: Partial<Parameters<typeof openPositions>[0]> = {}): PositionStore {
  const store = openPositions({ directory: place.dir, reader, now, isAlive: () => true, ...more });
  opened.push(store);
  return store;
}

function close(store: PositionStore): void {
  store.close();
  opened = opened.filter((one) => one !== store);
}

it('keeps position and product of each reader apart', () => {
  const a = open('logs a');
  a.commit({ of, logs: [kept], gone: [], lines: [] }, now);
  close(a);
  expect(open('logs a').load(of)).toEqual([kept]);
  expect(open('logs b').load(of)).toEqual([]);
  expect(open('logs a').load({ ...of, root: '/elsewhere' })).toEqual([]);
});

it('numbers lines without a hole, over restarts, and gives them until they were handed on', () => {
  const first = open('logs a', { self });
  first.commit({ of, logs: [kept], gone: [], lines: ['one', 'two'] }, now);
  first.handedOn(1);
  close(first);
  const second = open('logs a', { self });
  second.commit({ of, logs: [], gone: [kept], lines: ['three'] }, now);
  expect(second.waiting(10)).toEqual([
    { id: 2, line: 'two' },
    { id: 3, line: 'three' },
  ]);
  second.handedOn(3);
  expect(second.waiting(10)).toEqual([]);
  expect(second.load(of)).toEqual([]);
});

it('commits all or nothing', () => {
  const store = open('logs a', { self });
  const broken = { ...kept, kept: { lines: 1n } as never };
  expect(() => store.commit({ of, logs: [kept, broken], gone: [], lines: ['one'] }, now)).toThrow();
  expect(store.load(of)).toEqual([]);
  expect(store.waiting(10)).toEqual([]);
});

it('lets one process go on from a name, and another when that one is gone', () => {
  open('logs a', { self });
  const other = { pid: 4343, startedAt: instant(2) };
  expect(() => open('logs a', { self: other })).toThrow(/another process goes on from "logs a": pid 4242/);
  open('logs a', { self: other, isAlive: () => false });
});

it('puts a broken file aside for a cockpit, and refuses it where lines are numbered', () => {
  writeFileSync(join(place.dir, POSITIONS_FILE), 'no database at all, whatever its name says. '.repeat(20));
  expect(() => open('logs a', { self })).toThrow(/can't be used/);
  const { quarantined } = open('cockpit');
  expect(readFileSync(quarantined?.path ?? '', 'utf8')).toContain('no database at all');
});

it('forgets what nobody came back for', () => {
  const store = open('logs a', { self });
  store.commit({ of, logs: [kept], gone: [], lines: ['one'] }, now);
  close(store);
  close(open('cockpit', { now: addMs(now, 31 * 24 * 3_600_000) }));
  const again = open('logs a');
  expect(again.load(of)).toEqual([]);
  expect(again.waiting(10)).toEqual([]);
});
