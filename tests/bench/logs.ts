/**
 * What the log engine costs on a log of 1 GB, which is made here and removed again: opening it, indexing it, searching it,
 * beside `rg -j1` (else `grep`) in the same run. Run it with `node tests/bench/logs.ts [DIRECTORY] [MEGABYTES]`. Prints a
 * table and JSON. Wanted: the last page in 100 ms, less than 100 MB beside bare node, less than a byte of index a line, a
 * literal on one thread and on two at 0.4 and 0.75 of `rg -j1 -c -F`, a regular expression on two at 0.25 of `rg -j1 -c`.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { connectLogs } from '../../src/logs/log-carrier.ts';
import type { Wanted } from '../../src/logs/scan-job.ts';
import { Scanner } from '../../src/logs/scanner.ts';
import { residentMb } from '../process-figures.ts';

const megabytes = Number(process.argv[3] ?? 1024);
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'binnacle-bench-'));
const path = join(directory, 'app.log');
const figures: { name: string; value: number; unit: string; note?: string }[] = [];
const tell = (name: string, value: number, unit: string, note?: string): void => {
  figures.push({ name, value, unit, ...(note === undefined ? {} : { note }) });
  console.log(
    `${name.padEnd(44)} ${value.toFixed(value < 10 ? 3 : 1).padStart(10)} ${unit.padEnd(6)} ${note ?? ''}`,
  );
};
const scanEntry = new URL('../../src/logs/scan-thread.ts', import.meta.url).pathname;
const rssMb = (): number => residentMb(process.pid);

async function timed(run: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await run();
  return performance.now() - since;
}

async function best(rounds: number, run: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) least = Math.min(least, await timed(run));
  return least;
}

function generate(): number {
  const file = openSync(path, 'w');
  const levels = ['INFO', 'INFO', 'INFO', 'DEBUG', 'INFO', 'WARNING', 'INFO', 'INFO', 'DEBUG', 'INFO'];
  let at = Date.UTC(2026, 1, 21);
  let lines = 0;
  for (let size = 0; size < megabytes * 1024 * 1024; ) {
    let text = '';
    for (let n = 0; n < 10_000; n += 1) {
      at += 37;
      lines += 1;
      const level = lines % 50_021 === 0 ? 'ERROR' : (levels[lines % 10] ?? 'INFO');
      const word = lines % 100_003 === 0 ? 'budget_exceeded' : 'accepted';
      text += `${new Date(at).toISOString()} ${level} runner worker-${lines % 7} run=${(lines * 7919).toString(16)} turn ${lines % 40} ${word} in ${lines % 1000} ms\n`;
    }
    size += writeSync(file, text);
  }
  closeSync(file);
  return lines;
}

try {
  const lines = generate();
  readFileSync('/proc/self/status');
  const spec = { id: 'app', system: 'bench', source: 'app.log', path, fence: [directory], reader: 'plain' };
  // Into the page cache, as the log of a running system is.
  spawnSync('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  const bare = rssMb();
  const worker = new Worker(new URL('../logs/logs-thread.ts', import.meta.url));
  const logs = connectLogs(worker);
  await logs.call('parts', {});
  const idle = rssMb();
  const page = { at: 'end', rows: 60, way: 'backward', filter: [] } as const;
  const open = await timed(async () => {
    await logs.call('open', { logs: [spec] });
    const { lines: rows } = await logs.call('page', page);
    if (rows.length !== 60) throw new Error(`a page of ${rows.length}`);
  });
  tell('open, last page', open, 'ms', `${lines} lines`);
  tell('memory then, beside the thread', rssMb() - idle, 'MB', `thread itself ${(idle - bare).toFixed(1)}`);
  const waits: number[] = [];
  let isSettled = false;
  const index = timed(() => logs.call('settle', {})).finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    waits.push(await timed(() => logs.call('parts', {})));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  waits.sort((a, b) => a - b);
  tell('index, in the background', await index, 'ms');
  tell(
    'a question meanwhile, p99',
    waits[Math.floor(waits.length * 0.99)] ?? 0,
    'ms',
    `longest ${(waits.at(-1) ?? 0).toFixed(1)}`,
  );
  const { parts } = await logs.call('parts', {});
  const indexed = parts[0];
  if (indexed?.lines !== lines) throw new Error(`${indexed?.lines} of ${lines} lines indexed`);
  tell('index', indexed.indexBytes / lines, 'B/line');
  tell('memory when indexed, beside the thread', rssMb() - idle, 'MB');
  const middle = Date.UTC(2026, 1, 21) + (lines / 2) * 37;
  tell('page at a time', await best(3, () => logs.call('page', { ...page, at: { time: middle } })), 'ms');
  tell('histogram of all', await best(3, () => logs.call('histogram', { spans: 120 })), 'ms');
  const rare = { ...page, filter: [{ is: 'text', text: 'no such thing' }] } as const;
  tell(
    'page filtered to nothing',
    await timed(() => logs.call('page', rare)),
    'ms',
    'the whole log looked at',
  );
  const errors = { ...page, filter: [{ is: 'level', least: 'error' }] } as const;
  tell('page of errors', await timed(() => logs.call('page', errors)), 'ms');
  const cancel = new AbortController();
  const under = logs.call('page', rare, cancel.signal).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  tell(
    'cancel',
    await timed(async () => {
      cancel.abort();
      await under;
      await logs.call('parts', {});
    }),
    'ms',
    'until the next answer',
  );
  await logs.close();
  await worker.terminate();

  const literal: Wanted = { is: 'text', text: 'budget_exceeded' };
  const pattern: Wanted = { is: 'match', pattern: 'worker-[35] .* budget_[a-z]+ed in' };
  const seconds: { [name: string]: number } = {};
  for (const [name, threads, wanted] of [
    ['literal, one thread', 1, literal],
    ['literal, two threads', 2, literal],
    ['literal in any case, two threads', 2, { ...literal, ignoreCase: true }],
    ['regular expression, two threads', 2, pattern],
  ] as const) {
    const scanner = new Scanner(scanEntry, threads);
    let count = 0;
    const search = async (): Promise<void> => {
      count = (await scanner.search(parts, wanted)).reduce((sum, one) => sum + one.lines, 0);
    };
    await search();
    seconds[name] = await best(3, search);
    tell(name, seconds[name], 'ms', `${(megabytes / 1.024 / seconds[name]).toFixed(2)} GB/s, ${count} lines`);
    await scanner.close();
  }
  const beside = (program: string, args: readonly string[]): number | undefined => {
    let least: number | undefined;
    for (let round = 0; round < 3; round += 1) {
      const since = performance.now();
      const { error, status } = spawnSync(program, [...args, path]);
      if (error || status !== 0) return undefined;
      least = Math.min(least ?? Number.POSITIVE_INFINITY, performance.now() - since);
    }
    return least;
  };
  const expression = 'worker-[35] .* budget_[a-z]+ed in';
  for (const [program, args, names] of [
    ['rg', ['-j1', '-c', '-F', 'budget_exceeded'], ['literal, one thread', 'literal, two threads']],
    ['rg', ['-j1', '-c', expression], ['regular expression, two threads']],
    ['grep', ['-c', '-F', 'budget_exceeded'], ['literal, one thread', 'literal, two threads']],
    ['grep', ['-c', '-E', expression], ['regular expression, two threads']],
  ] as const) {
    const took = beside(program, args);
    const command = `${program} ${args.slice(0, -1).join(' ')}`;
    if (took === undefined) console.log(`${command}: missing`);
    else
      tell(
        command,
        took,
        'ms',
        names.map((name) => `${name}: ${(took / (seconds[name] ?? 1)).toFixed(2)} of it`).join('; '),
      );
  }
  console.log(JSON.stringify({ schema: 'binnacle-bench/1', megabytes, figures }));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
