/**
 * `npm run bench`: whole-program figures of the built program beside a bare `node -e 0`, measured in one run, printed as
 * a table and as JSON. Figures on a shared machine are read as ratios.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDemo } from '../e2e/cockpit.ts';
import { closeTerminals, type DrivenTerminal, startTerminal } from '../e2e/terminal.ts';
import { pause } from '../ingest/collector.ts';
import { cpuSeconds, residentMb } from '../process-figures.ts';
import { layOutCase } from '../systems/fixture-case.ts';

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Times that of bare node, where that makes sense. */
  readonly ratio?: number;
}

const main = new URL('../../dist/main.js', import.meta.url).pathname;
const state = mkdtempSync(join(tmpdir(), 'binnacle-bench-'));
const env = { ...process.env, BINNACLE_STATE_DIR: state, NO_COLOR: undefined, CI: undefined };
const figures: Figure[] = [];
/** How long a cockpit is left alone: long enough for what happens every few seconds to even out. */
const IDLE_S = 30;

const laid = await layOutCase('orket', 'model-timeout');
const system = ['-s', `orket=${laid.dir}`];

const bare = wall('bare node -e 0', ['-e', '0']);
wall('--version', [main, '--version'], bare);
wall('status', [main, 'status', ...system], bare);
wall('status --json', [main, 'status', '--json', ...system], bare);
await screenFigures();
await restFigures();
await demoFigures();
rmSync(state, { recursive: true, force: true });
laid.remove();
print();

/** Wall time of a whole program over eleven runs after two to warm up. */
function wall(name: string, argv: readonly string[], against?: Figure): Figure {
  const times: number[] = [];
  for (let run = -2; run < 11; run += 1) {
    const startedAt = performance.now();
    const result = spawnSync(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (result.status === null || result.status === 2) throw new Error(`${name}: ${result.stderr}`);
    if (run >= 0) times.push(performance.now() - startedAt);
  }
  return add(name, 'ms', times, against);
}

function add(name: string, unit: string, values: readonly number[], against?: Figure): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const figure: Figure = {
    name,
    unit,
    median,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    ...(against ? { ratio: median / against.median } : {}),
  };
  figures.push(figure);
  return figure;
}

function cockpit(args: readonly string[] = system): DrivenTerminal {
  return startTerminal({
    command: process.execPath,
    args: [main, ...args],
    columns: 120,
    rows: 40,
    env,
  });
}

async function screenFigures(): Promise<void> {
  const firstFrames: number[] = [];
  for (let run = -1; run < 7; run += 1) {
    const startedAt = performance.now();
    const terminal = cockpit();
    await terminal.waitFor(/orket/, 20_000);
    if (run >= 0) firstFrames.push(performance.now() - startedAt);
    terminal.kill('SIGKILL');
    await terminal.exit;
    await terminal.close();
  }
  add('first frame with the system on it', 'ms', firstFrames, bare);

  const terminal = cockpit();
  await terminal.waitFor(/orket/, 20_000);
  await idleFigures('idle', terminal);

  await keyFigures(terminal);
  terminal.send('L');
  await terminal.waitFor('L: this item');
  await followFigures(terminal);
  terminal.kill('SIGKILL');
  await terminal.exit;
  await closeTerminals();
}

/** What a cockpit costs that nobody touches, once its first looks are over. */
async function idleFigures(name: string, terminal: DrivenTerminal): Promise<void> {
  await pause(10_000);
  add(`${name}: memory once settled`, 'MB', [residentMb(terminal.pid)]);
  const cpuBefore = cpuSeconds(terminal.pid);
  const bytesBefore = terminal.output().length;
  const startedAt = performance.now();
  await pause(IDLE_S * 1000);
  const seconds = (performance.now() - startedAt) / 1000;
  add(`${name}: processor over ${IDLE_S} s`, '% of a core', [
    ((cpuSeconds(terminal.pid) - cpuBefore) / seconds) * 100,
  ]);
  add(`${name}: bytes to the terminal in ${IDLE_S} s`, 'bytes', [terminal.output().length - bytesBefore]);
}

/** One system of each kind as it lies on disk, with nobody writing. */
async function restFigures(): Promise<void> {
  const cases = [
    ['orket', 'stalled-turn'],
    ['reflexive', 'cost-near-limit'],
    ['coherence', 'quiet-night'],
    ['aragora', 'cycle-over-budget'],
    ['openclaw', 'states-side-by-side'],
  ] as const;
  const places = await Promise.all(cases.map(async ([kind, name]) => await layOutCase(kind, name)));
  const terminal = cockpit(cases.flatMap(([kind], index) => ['-s', `${kind}=${places[index]?.dir}`]));
  await terminal.waitFor(/openclaw/, 20_000);
  await idleFigures('idle with five systems at rest', terminal);
  await terminal.close();
  for (const place of places) place.remove();
}

/** The five simulated systems, writing. */
async function demoFigures(): Promise<void> {
  const demo = await startDemo();
  const terminal = cockpit(demo.args);
  await terminal.waitFor(/openclaw/, 20_000);
  await idleFigures('idle over the live demo', terminal);
  await terminal.close();
  await demo.close();
}

/** From a key written to the pty until the screen differs. */
async function keyFigures(terminal: DrivenTerminal): Promise<void> {
  const times: number[] = [];
  for (let count = 0; count < 40; count += 1) {
    const before = terminal.text();
    const startedAt = performance.now();
    // Help opens and closes: the largest change of the screen a key makes.
    terminal.send(count % 2 === 0 ? '?' : 'q');
    await terminal.waitFor(() => terminal.text() !== before, 5_000);
    times.push(performance.now() - startedAt);
    await pause(120);
  }
  add('key to changed screen', 'ms', times);
}

/** One line at a time, and 50 lines a second, into a followed log. */
async function followFigures(terminal: DrivenTerminal): Promise<void> {
  const log = join(laid.dir, 'workspace/default/orket.log');
  mkdirSync(join(laid.dir, 'workspace/default'), { recursive: true });
  let number = 0;
  const line = (): string => {
    number += 1;
    return `${JSON.stringify({
      timestamp: new Date().toISOString(),
      role: 'coder',
      event: 'tool_call_start',
      data: { tool: `bench-${number}-end`, issue_id: 'X-1', runtime_event: {} },
    })}\n`;
  };
  writeFileSync(log, line(), { flag: 'a' });
  await terminal.waitFor(`bench-${number}-end`, 10_000).catch(() => {
    throw new Error(`a line appended to ${log} does not show; screen:\n${terminal.text()}`);
  });
  const latencies: number[] = [];
  const sizes: number[] = [];
  for (let count = 0; count < 40; count += 1) {
    await pause(150);
    const bytes = terminal.output().length;
    const startedAt = performance.now();
    appendFileSync(log, line());
    await terminal.waitFor(`bench-${number}-end`, 5_000);
    latencies.push(performance.now() - startedAt);
    await terminal.settled();
    sizes.push(terminal.output().length - bytes);
  }
  add('one line: written to seen', 'ms', latencies);
  add('one line: bytes to the terminal', 'bytes', sizes);
  const cpuBefore = cpuSeconds(terminal.pid);
  const startedAt = performance.now();
  while (performance.now() - startedAt < 10_000) {
    appendFileSync(log, line());
    await pause(20);
  }
  add('50 lines a second: processor', '% of a core', [((cpuSeconds(terminal.pid) - cpuBefore) / 10) * 100]);
}

function print(): void {
  const rows = figures.map((figure) => [
    figure.name,
    figure.median.toFixed(1),
    figure.min.toFixed(1),
    figure.max.toFixed(1),
    figure.unit,
    figure.ratio === undefined ? '' : `${figure.ratio.toFixed(2)} x`,
  ]);
  const header = ['figure', 'median', 'min', 'max', 'unit', 'bare node'];
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [header, ...rows]) {
    console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  }
  console.log(JSON.stringify({ node: process.version, figures }));
}
