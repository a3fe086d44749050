import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HistoryStore, openHistory } from '../../src/db/history-store.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { moveText } from '../../src/domain/history.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';
import { until } from '../ingest/collector.ts';
import { Mill, type MillJob } from './mill.ts';

const program = new URL('./history-cockpit.ts', import.meta.url).pathname;

let mill: Mill;
let directory: string;
let store: HistoryStore;
const children: ChildProcess[] = [];
/** What each cockpit printed. */
const printed = new Map<ChildProcess, string>();

beforeEach(() => {
  mill = new Mill();
  directory = temporaryDirectory();
  store = openHistory({ directory, now: NIGHT, busyMs: 2000 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  store.close();
  mill.remove();
});

async function cockpit(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, mill.dir, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    printed.set(child, (printed.get(child) ?? '') + part);
  });
  await until(() => printed.get(child)?.includes('watching\n') === true, 10_000);
  return child;
}

/** The process that writes, as the record names it. */
function holder(): number | undefined {
  const row = store.findSystem('mill' as SystemId, mill.dir);
  return row === undefined ? undefined : store.lease.holder(row)?.pid;
}

function isKnown(id: string): boolean {
  const row = store.findSystem('mill' as SystemId, mill.dir);
  return row !== undefined && store.known(row, { type: 'job', id }) !== undefined;
}

const rows = (): string[] => store.changes({}).map((one) => `${one.ref.id} ${moveText(one)}`);
const isThere =
  (text: string): (() => boolean) =>
  () =>
    rows().includes(text);

it('row 59: two cockpits record each change once; when the one that writes is killed the other goes on', async () => {
  mill.jobs({ a: { status: 'queued' }, b: { status: 'queued' } });
  const [one, other] = await Promise.all([cockpit(), cockpit()]);
  await until(() => isKnown('b'), 5000);
  const [writer, reader] = holder() === one.pid ? [one, other] : [other, one];
  expect(reader.pid).not.toBe(holder());
  mill.jobs({ a: { status: 'running' }, b: { status: 'queued' } });
  await until(isThere('a queued -> running'), 5000);
  // The last thing it sees, or does not.
  mill.jobs({ a: { status: 'done' }, b: { status: 'queued' } });
  writer.kill('SIGKILL');
  const states: MillJob['status'][] = ['running', 'done', 'queued'];
  for (const status of states) {
    printed.set(reader, '');
    mill.jobs({ a: { status: 'done' }, b: { status } });
    await until(() => printed.get(reader)?.includes(`b ${status}\n`) === true, 5000);
  }
  await until(isThere('b done -> queued'), 8000);
  expect(holder()).toBe(reader.pid);
  expect(rows()).toEqual([
    'a queued -> running',
    'a running -> done',
    'b queued -> running',
    'b running -> done',
    'b done -> queued',
  ]);
});

it('a cockpit opened later finds what moved meanwhile, and says between which times', async () => {
  mill.jobs({ a: { status: 'queued' } });
  const first = await cockpit();
  await until(() => isKnown('a'), 5000);
  first.kill('SIGTERM');
  await once(first, 'exit');
  mill.jobs({ a: { status: 'done' } });
  await cockpit();
  await until(isThere('a queued -> done'), 5000);
  const [change] = store.changes({});
  expect(change?.notBefore).toBeGreaterThan(NIGHT);
  expect(change?.notBefore).toBeLessThanOrEqual(change?.at ?? 0);
});
