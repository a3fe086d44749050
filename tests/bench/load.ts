/**
 * What the built program costs with long, busy and many logs: `npm run bench:load -- [FIGURE...]` with the figures `open`
 * (a log of 1 GB), `busy` (20,000 lines a second over 8 files), `echo` (from a write to the screen), `idle` (200 files)
 * and `turns` (10,000 turn directories); all of them without a word. Everything is made here and removed again. Wanted
 * are, on two cores: the last line of 1 GB on screen in 0.35 s with less than 160 MB; a minute of 20,000 lines a second
 * with none lost or twice, 60 % of a core, the screen's loop late by 50 ms at p99; a line on screen in 40 ms at p95 and
 * 80 ms at p99; at rest 0.4 % of a core; 10,000 turns ready in 1.5 s with less than 200 MB.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeTerminals, type DrivenTerminal, startTerminal } from '../e2e/terminal.ts';
import { pause } from '../ingest/collector.ts';
import { cpuSeconds, quantile, residentMb } from '../process-figures.ts';

const main = new URL('../../dist/main.js', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'binnacle-bench-'));
const figures: { name: string; value: number; unit: string; note: string }[] = [];

const FIGURES: Readonly<Record<string, () => Promise<void>>> = {
  open: openFigures,
  busy: busyFigures,
  echo: echoFigures,
  idle: idleFigures,
  turns: turnFigures,
};

const wanted = process.argv.slice(2);
try {
  for (const [name, run] of Object.entries(FIGURES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await run();
    await closeTerminals();
  }
  console.log(JSON.stringify({ schema: 'binnacle-bench/1', figures }));
} finally {
  await closeTerminals();
  rmSync(directory, { recursive: true, force: true });
}

function tell(name: string, value: number, unit: string, note = ''): void {
  figures.push({ name, value, unit, note });
  console.log(
    `${name.padEnd(52)} ${value.toFixed(value < 10 ? 2 : 1).padStart(9)} ${unit.padEnd(10)} ${note}`,
  );
}

interface Opening {
  readonly columns?: number;
  readonly state?: string;
  /** Options of node itself. */
  readonly node?: readonly string[];
}

function cockpit(
  args: readonly string[],
  { columns = 120, state = 'state', node = [] }: Opening = {},
): DrivenTerminal {
  const env = {
    ...process.env,
    BINNACLE_STATE_DIR: join(directory, state),
    BINNACLE_HOST_DIR: join(directory, `${state}-host`),
    // Else what other programs of this machine do is part of the figures.
    BINNACLE_PROCESSES: 'none',
    NO_COLOR: undefined,
    CI: undefined,
  };
  return startTerminal({ command: process.execPath, args: [...node, main, ...args], columns, rows: 40, env });
}

/** A system of a described kind whose logs are plain JSON lines: all of them, and one beside the others. */
function describedSystem(name: string): { readonly args: readonly string[]; readonly logs: string } {
  const root = join(directory, name);
  const logs = join(root, 'logs');
  mkdirSync(logs, { recursive: true });
  const log = (glob: string): object => ({
    type: 'log',
    glob,
    format: 'json',
    time: 'ts',
    level: { field: 'lvl', default: 'info' },
    message: '{msg}',
  });
  const config = join(root, 'binnacle.yaml');
  const kinds = {
    bench: {
      title: 'bench',
      entities: [],
      sources: { app: log('logs/app*.jsonl'), one: log('logs/one.jsonl') },
    },
  };
  writeFileSync(config, JSON.stringify({ kinds, systems: [{ kind: 'bench', root }] }), { mode: 0o600 });
  return { args: ['-C', config], logs };
}

function jsonLine(at: number, message: string): string {
  return `${JSON.stringify({ ts: new Date(at).toISOString(), lvl: 'info', msg: message })}\n`;
}

/** All rows, whatever is selected; and the newest of them followed. */
async function showAllLogs(terminal: DrivenTerminal): Promise<void> {
  await terminal.waitFor('Logs + changes', 30_000);
}

/** A log of 1 GB: its last line, what it costs in memory, and what other programs take for the same. */
async function openFigures(): Promise<void> {
  const { args, logs } = describedSystem('open');
  const path = join(logs, 'app.jsonl');
  const lines = gigabyte(path);
  const last = `turn ${lines} `;
  spawnSync('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  // The compile cache is a thing of the first start ever.
  for (let run = -1; run < 5; run += 1) {
    const since = performance.now();
    const terminal = cockpit(['pane', 'logs', ...args], { state: `open-${run}` });
    await terminal.waitFor(last, 60_000);
    const took = performance.now() - since;
    if (run >= 0)
      tell(
        `1 GB: last line on screen, start ${run + 1}`,
        took,
        'ms',
        `${residentMb(terminal.pid).toFixed(0)} MB resident`,
      );
    if (run === 4) await indexFigures(terminal, lines);
    await terminal.close();
  }
  const bare: number[] = [];
  for (let run = 0; run < 7; run += 1) {
    const since = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    bare.push(performance.now() - since);
  }
  tell('bare node -e 0', quantile(bare, 0.5), 'ms');
  for (const [program, ...rest] of [
    ['lnav', '-N'],
    ['less', '+G'],
    ['tail', '-n', '40'],
  ] as const) {
    if (spawnSync(program, ['--version']).error) {
      console.log(`${program}: missing`);
      continue;
    }
    const since = performance.now();
    const terminal = startTerminal({ command: program, args: [...rest, path], columns: 200, rows: 40 });
    await terminal.waitFor(last, 120_000);
    tell(`${program} ${rest.join(' ')}: last line on screen`, performance.now() - since, 'ms');
    await terminal.close();
  }
  rmSync(path);
}

/** Goes to the oldest line, which makes the whole log known, and says what is resident at last. */
async function indexFigures(terminal: DrivenTerminal, lines: number): Promise<void> {
  await pause(2_000);
  tell('1 GB: memory two seconds later', residentMb(terminal.pid), 'MB');
  const since = performance.now();
  await terminal.press('g');
  await terminal.waitFor('turn 1 ', 60_000);
  tell('1 GB: to its oldest line', performance.now() - since, 'ms', `${lines} lines`);
  let rest = cpuSeconds(terminal.pid);
  for (let second = 0; second < 180; second += 1) {
    await pause(1_000);
    const now = cpuSeconds(terminal.pid);
    if (now - rest < 0.05) break;
    rest = now;
  }
  tell(
    '1 GB: memory when all of it was read',
    residentMb(terminal.pid),
    'MB',
    `after ${((performance.now() - since) / 1000).toFixed(0)} s`,
  );
}

function gigabyte(path: string): number {
  const file = openSync(path, 'w');
  let at = Date.UTC(2026, 1, 21);
  let lines = 0;
  for (let size = 0; size < 2 ** 30; ) {
    let text = '';
    for (let n = 0; n < 10_000; n += 1) {
      at += 37;
      lines += 1;
      text += jsonLine(at, `worker-${lines % 7} run=${(lines * 7919).toString(16)} turn ${lines} accepted`);
    }
    size += writeSync(file, text);
  }
  closeSync(file);
  return lines;
}

/** A minute of 20,000 lines a second over 8 files, and whether each was handed on once. */
async function busyFigures(): Promise<void> {
  const { args, logs } = describedSystem('busy');
  const seconds = 60;
  const rate = 20_000;
  const lag = join(directory, 'lag');
  const probe = join(directory, 'lag.mjs');
  // How late the screen's loop comes round, in the very thread that draws.
  writeFileSync(
    probe,
    `import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  setTimeout(() => delay.enable(), 3000).unref();
  setInterval(() => writeFileSync(${JSON.stringify(lag)}, [delay.percentile(50), delay.percentile(99), delay.max].join(' ')), 500).unref();
}
`,
  );
  for (let file = 0; file < 8; file += 1) writeFileSync(join(logs, `app-${file}.jsonl`), '');
  const terminal = cockpit(['pane', 'logs', ...args], { node: [`--import=${probe}`] });
  await showAllLogs(terminal);
  await pause(2_000);
  const before = cpuSeconds(terminal.pid);
  const since = performance.now();
  // The writer is a program of its own, so that what it costs is not in anybody's figures.
  const writer = spawn(process.execPath, ['--input-type=module', '-e', writerProgram(logs, seconds, rate)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  writer.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  await new Promise((resolve) => writer.once('exit', resolve));
  const written = Number(told);
  const took = (performance.now() - since) / 1000;
  await terminal.waitFor(`end of ${written}`, 30_000);
  const caughtUp = (performance.now() - since) / 1000 - took;
  const used = cpuSeconds(terminal.pid) - before;
  tell('20,000 lines a second: written', written / took, 'lines/s', `${written} in ${took.toFixed(0)} s`);
  tell('20,000 lines a second: processor', (used / (took + caughtUp)) * 100, '% of core');
  tell('20,000 lines a second: last line late by', caughtUp * 1000, 'ms');
  tell('20,000 lines a second: memory', residentMb(terminal.pid), 'MB');
  const [p50, p99, longest] = readFileSync(lag, 'utf8')
    .split(' ')
    .map((ns) => Number(ns) / 1e6 - 5);
  tell(
    '20,000 lines a second: loop late, p99',
    p99 ?? Number.NaN,
    'ms',
    `p50 ${p50?.toFixed(1)}, longest ${longest?.toFixed(1)}`,
  );
  // Each line holds its number; those of each file are told once, in order, by the follower that says what it was told.
  const found = await countedOnce(args, written);
  tell('20,000 lines a second: lost', found.lost, 'lines');
  tell('20,000 lines a second: twice', found.twice, 'lines');
}

function writerProgram(logs: string, seconds: number, rate: number): string {
  return `
import { openSync, writeSync } from 'node:fs';
const files = Array.from({ length: 8 }, (_, n) => openSync(${JSON.stringify(logs)} + '/app-' + n + '.jsonl', 'a'));
const since = performance.now();
let written = 0;
const line = (text) => JSON.stringify({ ts: new Date().toISOString(), lvl: 'info', msg: text }) + '\\n';
while (performance.now() - since < ${seconds * 1000}) {
  const due = Math.floor((performance.now() - since) / 1000 * ${rate});
  const texts = files.map(() => '');
  for (; written < due; written += 1) texts[written % 8] += line('line ' + written + ' of worker ' + written % 8 + ' accepted after some work');
  texts.forEach((text, n) => text && writeSync(files[n], text));
  await new Promise((resolve) => setTimeout(resolve, 10));
}
writeSync(files[0], line('end of ' + (written + 1)));
process.stdout.write(String(written + 1));
`;
}

/** What the program hands on of all lines that were written, by \`logs --json\`: how many are missing, how many twice. */
async function countedOnce(
  args: readonly string[],
  written: number,
): Promise<{ lost: number; twice: number }> {
  const seen = new Uint8Array(written);
  const child = spawn(process.execPath, [main, 'logs', ...args, '--json', '--resume', 'count'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BINNACLE_STATE_DIR: join(directory, 'count') },
  });
  let rest = '';
  for await (const chunk of child.stdout) {
    const lines = (rest + (chunk as Buffer).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const number = /line (\d+) of/.exec(line)?.[1];
      const at =
        number === undefined ? (/end of (\d+)/.test(line) ? written - 1 : undefined) : Number(number);
      if (at !== undefined) seen[at] = (seen[at] ?? 0) + 1;
    }
  }
  return {
    lost: seen.filter((times) => times === 0).length,
    twice: seen.filter((times) => times > 1).length,
  };
}

/** From the write of a line until a terminal shows it, alone and beside 2,000 lines a second in other files. */
async function echoFigures(): Promise<void> {
  const { args, logs } = describedSystem('echo');
  const one = join(logs, 'one.jsonl');
  writeFileSync(one, jsonLine(Date.now(), 'first of one'));
  for (let file = 0; file < 4; file += 1)
    writeFileSync(join(logs, `app-${file}.jsonl`), jsonLine(Date.now(), 'first'));
  const terminal = cockpit(['pane', 'logs', ...args]);
  await terminal.waitFor('first of one', 20_000);
  await pause(2_000);
  await echoes('a line, written to seen', terminal, one);
  await terminal.press('&');
  terminal.type('echo-');
  await pause(300);
  await terminal.press('enter');
  await pause(500);
  const noise = spawn(process.execPath, ['--input-type=module', '-e', writerProgram(logs, 40, 2_000)], {
    stdio: 'ignore',
  });
  await pause(2_000);
  await echoes('the same, filtered, 2,000 lines/s beside it', terminal, one);
  noise.kill('SIGKILL');
}

async function echoes(name: string, terminal: DrivenTerminal, path: string): Promise<void> {
  const times: number[] = [];
  for (let count = -3; count < 150; count += 1) {
    await pause(227 + (count % 50));
    const word = `echo-${name.length}-${count}-end`;
    const since = performance.now();
    appendFileSync(path, jsonLine(Date.now(), word));
    await terminal.waitFor(word, 5_000);
    if (count >= 0) times.push(performance.now() - since);
  }
  tell(`${name}, p95`, quantile(times, 0.95), 'ms', `p50 ${quantile(times, 0.5).toFixed(1)}`);
  tell(`${name}, p99`, quantile(times, 0.99), 'ms', `longest ${quantile(times, 1).toFixed(1)}`);
}

/** 200 files that nobody writes to. */
async function idleFigures(): Promise<void> {
  const { args, logs } = describedSystem('idle');
  for (let file = 0; file < 200; file += 1) {
    let text = '';
    for (let line = 0; line < 100; line += 1)
      text += jsonLine(Date.now() - 1_000_000 + line, `file ${file} line ${line}`);
    writeFileSync(join(logs, `app-${file}.jsonl`), text);
  }
  const terminal = cockpit(args);
  await terminal.waitFor('bench', 20_000);
  await pause(10_000);
  const early = cpuSeconds(terminal.pid);
  // What starting left behind is tidied up for a quarter of a minute.
  await pause(10_000);
  const before = cpuSeconds(terminal.pid);
  const bytes = terminal.output().length;
  await pause(50_000);
  tell(
    'idle with 200 files: processor, from 10 s on',
    ((cpuSeconds(terminal.pid) - early) / 60) * 100,
    '% of core',
  );
  await pause(10_000);
  tell(
    'idle with 200 files: processor, from 20 s on',
    ((cpuSeconds(terminal.pid) - before) / 60) * 100,
    '% of core',
  );
  tell('idle with 200 files: to the terminal in 60 s', terminal.output().length - bytes, 'bytes');
  tell('idle with 200 files: memory', residentMb(terminal.pid), 'MB');
}

/** The checkpoints of 10,000 turns, and what one more of them costs. */
async function turnFigures(): Promise<void> {
  for (const turns of [1_000, 10_000]) {
    const root = join(directory, `turns-${turns}`);
    const args = ['-s', `orket=${root}`];
    layOutTurns(root, turns);
    const since = performance.now();
    const terminal = cockpit(args, { state: `turns-${turns}` });
    await terminal.waitFor('1 dead', 60_000);
    tell(`${turns} turn directories: ready`, performance.now() - since, 'ms');
    await pause(5_000);
    tell(`${turns} turn directories: memory`, residentMb(terminal.pid), 'MB');
    const before = cpuSeconds(terminal.pid);
    for (let change = 0; change < 20; change += 1) {
      writeTurn(root, turns + change, 'late');
      await pause(500);
    }
    tell(
      `${turns} turn directories: processor a change`,
      ((cpuSeconds(terminal.pid) - before) / 20) * 1000,
      'ms',
    );
    await terminal.close();
    rmSync(root, { recursive: true, force: true });
  }
}

/** An Orket workspace with the checkpoints of so many turns, twenty an issue, as its turn executor leaves them. */
function layOutTurns(root: string, turns: number): void {
  mkdirSync(join(root, 'orket'), { recursive: true });
  mkdirSync(join(root, 'config'), { recursive: true });
  for (let turn = 0; turn < turns; turn += 1) writeTurn(root, turn, 'early', turn === turns - 1);
}

function writeTurn(root: string, turn: number, word: string, isCut = false): void {
  const issue = `load-${Math.floor(turn / 20)}`;
  const index = (turn % 20) + 1;
  const place = join(
    root,
    'workspace/default/observability',
    `r${Math.floor(turn / 200)}`,
    issue,
    `${String(index).padStart(3, '0')}_coder`,
  );
  mkdirSync(place, { recursive: true });
  const checkpoint = {
    run_id: `r${Math.floor(turn / 200)}`,
    issue_id: issue,
    turn_index: index,
    role: 'coder',
    prompt_hash: '986b43e0bb57d2c7',
    model: 'qwen2.5-coder:14b',
    tool_calls: [{ tool: 'write_file', args: { path: `${word}-${turn}.py`, content: 'pass\n' } }],
    state_delta: { from: 'in_progress', to: 'code_review' },
  };
  writeFileSync(join(place, 'checkpoint.json'), JSON.stringify(checkpoint, null, 2));
  writeFileSync(join(place, 'messages.json'), '[]');
  writeFileSync(join(place, 'model_response.txt'), 'done');
  // The last one stopped before its tool ran: it is the one that needs somebody.
  if (!isCut) writeFileSync(join(place, 'tool_result_write_file_1254f3a8faf2.json'), '{"ok": true}');
}
