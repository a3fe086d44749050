/** The screen of the built program while a lot happens: how late its thread is, and how long a key takes to be seen. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { pressFor, startCockpit, temporaryDirectory, textOf } from '../e2e/cockpit.ts';
import { closeTerminals, type DrivenTerminal } from '../e2e/terminal.ts';
import { pause, until } from '../ingest/collector.ts';
import { quantile } from '../process-figures.ts';

const ROWS = 1_000_000;
const LINES_A_SECOND = 5_000;
const WRITTEN_MS = 30_000;
const BUSY_DOCUMENT_MS = 60_000;

const home = temporaryDirectory('torture-busy');
const children: ChildProcess[] = [];
afterEach(async () => {
  await closeTerminals();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  home.remove();
});

/** Lays out a system with one log and one document; the arguments that name it. */
function layOut(): { readonly root: string; readonly args: readonly string[] } {
  const root = join(home.path, 'root');
  mkdirSync(root, { recursive: true });
  const kind = {
    title: 'Plant',
    sources: {
      state: { type: 'document', glob: 'state.json' },
      log: { type: 'log', glob: 'plant.log', format: 'json', time: 'ts', level: 'lvl', message: 'msg' },
    },
    entities: [
      {
        type: 'job',
        from: 'state',
        id: 'id',
        title: 'written {at}',
        status: { default: 'failed' },
        attention: [{ when: {}, rank: 3, label: 'FAILED', why: 'written {at}' }],
      },
    ],
  };
  const config = join(home.path, 'binnacle.yaml');
  writeFileSync(config, JSON.stringify({ kinds: { plant: kind }, systems: [{ kind: 'plant', root }] }));
  writeFileSync(join(root, 'state.json'), JSON.stringify({ id: 'one', at: 0 }));
  return { root, args: ['-C', config] };
}

/** A program that writes so many lines a second to a log, in slices of 20 ms. */
function writeLines(log: string, aSecond: number): ChildProcess {
  const program = `
    const fs = require('fs'); const [log, aSecond] = process.argv.slice(1); const started = performance.now(); let n = 0;
    const file = fs.openSync(log, 'a');
    setInterval(() => {
      const due = Math.floor((performance.now() - started) / 1000 * aSecond); let text = '';
      for (; n < due; n += 1) text += JSON.stringify({ ts: new Date().toISOString(), lvl: 'INFO', msg: 'beat ' + n + ' of the pump' }) + '\\n';
      if (text !== '') fs.writeSync(file, text);
    }, 20);`;
  const child = spawn(process.execPath, ['-e', program, log, String(aSecond)], { stdio: 'inherit' });
  children.push(child);
  return child;
}

/** In whole milliseconds. */
function percentile(values: readonly number[], part: number): number {
  return Math.round(quantile(values, part));
}

/**
 * Code that runs in the program before ours: tells every 500 ms how late the thread that draws was since the last time.
 * Its timer is asked for every 5 ms, and what it is later than that is the lag.
 */
const LAG_PROBE = `
  import { isMainThread } from 'node:worker_threads';
  import { monitorEventLoopDelay } from 'node:perf_hooks';
  import { appendFileSync } from 'node:fs';
  if (isMainThread && process.stdout.isTTY) {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    setInterval(() => {
      const late = [50, 90, 99, 100].map((part) => Math.max(0, delay.percentile(part) / 1e6 - 5));
      appendFileSync(process.env.LAG_FILE, JSON.stringify(late) + '\\n');
      delay.reset();
    }, 500).unref();
  }`;

test('row 31: 5,000 lines a second, a search over a million rows and resizes: the screen is not late, keys are answered', async ({
  task,
}) => {
  const { root, args } = layOut();
  const log = join(root, 'plant.log');
  const lines = Array.from({ length: ROWS }, (_, n) =>
    JSON.stringify({
      ts: new Date(Date.UTC(2026, 1, 21) + n).toISOString(),
      lvl: 'INFO',
      msg: `old ${n} of the pump`,
    }),
  );
  writeFileSync(log, `${lines.join('\n')}\n`);
  lines.length = 0;
  const probe = join(home.path, 'probe.mjs');
  const lagFile = join(home.path, 'lag');
  writeFileSync(probe, LAG_PROBE);
  const cockpit = startCockpit({
    args,
    state: join(home.path, 'state'),
    env: { NODE_OPTIONS: `--import=${probe}`, LAG_FILE: lagFile },
  });
  await cockpit.waitFor(/2\/2 fresh/, 60_000);
  await cockpit.waitFor(`old ${ROWS - 1} of`, 60_000);
  await pressFor(cockpit, '6', /^=6 Logs/m);
  await pressFor(cockpit, 'L', /^=6 Logs \+ changes, all/m);
  await pressFor(cockpit, 'z', /^(?![\s\S]*Needs-you)/);
  await pressFor(cockpit, 'k', /^>/m);
  const quiet = await echoes(cockpit, 2_000);
  writeFileSync(lagFile, '');
  writeLines(log, LINES_A_SECOND);
  await cockpit.waitFor(/[1-9]\d*\/s +unread/, 30_000);
  // It occurs nowhere but at the begin: all of the million are gone through.
  await cockpit.press('/');
  cockpit.type('old 7 of the pump');
  await cockpit.press('enter');
  const busy: number[] = [];
  let [looks, holes] = [0, 0];
  const end = performance.now() + WRITTEN_MS;
  for (let round = 0; performance.now() < end; round += 1) {
    busy.push(...(await echoes(cockpit, 1_000)));
    looks += 1;
    // The last old row is followed by the first new one, however much was written since.
    const follows = new RegExp(`old ${ROWS - 1} of[^\\n]*\\n[^\\n]*beat (\\d+)`).exec(cockpit.text())?.[1];
    if (follows !== undefined && follows !== '0') holes += 1;
    cockpit.resize(round % 2 === 0 ? 100 : 120, round % 2 === 0 ? 30 : 40);
  }
  await cockpit.waitFor(/old 7 of the pump/, 60_000);
  const lags = textOf(lagFile)
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row) as [number, number, number, number]);
  const worstOf = (column: 0 | 1 | 2 | 3): number =>
    percentile(
      lags.map((row) => row[column]),
      1,
    );
  task.meta.figures = {
    'windows of half a second': lags.length,
    'lag of the thread that draws, middle of all windows: p50, p99, most (ms)': [0, 2, 3]
      .map((column) =>
        percentile(
          lags.map((row) => row[column as 0]),
          0.5,
        ),
      )
      .join(', '),
    'the same in the worst window (ms)': [0, 2, 3].map((column) => worstOf(column as 0)).join(', '),
    'looks at the still view, and of them those at which rows between two are missing': `${looks}, ${holes}`,
    'keys that were pressed': busy.length,
    'key to screen, quiet: p50, p99 (ms)': `${percentile(quiet, 0.5)}, ${percentile(quiet, 0.99)}`,
    'key to screen, busy: p50, p95, p99 (ms)': [0.5, 0.95, 0.99]
      .map((part) => percentile(busy, part))
      .join(', '),
    'what the logs pane says': /^=6 Logs.*$/m.exec(cockpit.text())?.[0].replaceAll(/=+/g, '=') ?? '',
  };
  // Bounds for any machine and any load; the figures say how it is.
  expect(
    percentile(
      lags.map((row) => row[2]),
      0.5,
    ),
  ).toBeLessThan(200);
  expect(percentile(busy, 0.5)).toBeLessThan(500);
});

/** Moves the cursor up and down for so long; how long each key took until it was seen. */
async function echoes(cockpit: DrivenTerminal, forMs: number): Promise<number[]> {
  const took: number[] = [];
  const marked = (): string | undefined => cockpit.screen().find((row) => row.startsWith('>'));
  const end = performance.now() + forMs;
  for (let count = 0; performance.now() < end; count += 1) {
    // Slower than what is taken for a paste.
    await pause(60);
    const before = marked();
    const pressedAt = performance.now();
    // Where the search has led to the first row there is nothing above it.
    cockpit.send(count % 2 === 0 ? 'j' : 'k');
    await cockpit.waitFor(() => marked() !== before, 20_000);
    took.push(performance.now() - pressedAt);
  }
  return took;
}

test('row 11: a document that is rewritten every half second for a minute is never shown older than a second', async ({
  task,
}) => {
  const { root, args } = layOut();
  const path = join(root, 'state.json');
  const cockpit = startCockpit({ args, state: join(home.path, 'state') });
  await cockpit.waitFor(/FAILED.*written 0/, 60_000);
  const began = performance.now();
  const now = (): number => Math.round(performance.now() - began);
  const ages: number[] = [];
  const wrote: number[] = [];
  for (let round = 0; performance.now() - began < BUSY_DOCUMENT_MS; round += 1) {
    const at = now();
    wrote.push(at);
    if (round % 2 === 0) writeFileSync(path, JSON.stringify({ id: 'one', at }));
    else {
      writeFileSync(`${path}.new`, JSON.stringify({ id: 'one', at }));
      renameSync(`${path}.new`, path);
    }
    while (now() < at + 500) {
      await pause(20);
      const shown = Number(/written (\d+)/.exec(cockpit.text())?.[1]);
      // As old as the first version it lacks.
      const lacks = wrote.find((version) => version > shown);
      ages.push(lacks === undefined ? 0 : now() - lacks);
      expect(shown).not.toBeNaN();
    }
  }
  const last = wrote.at(-1) ?? 0;
  await until(() => cockpit.text().includes(`written ${last}`), 5_000);
  task.meta.figures = {
    versions: wrote.length,
    'looks at the screen': ages.length,
    'behind the file: p50, p95, p99, most (ms)': [0.5, 0.95, 0.99, 1]
      .map((part) => percentile(ages, part))
      .join(', '),
  };
  expect(percentile(ages, 0.99)).toBeLessThan(1_000);
  expect(readFileSync(path, 'utf8')).toContain(String(last));
});
