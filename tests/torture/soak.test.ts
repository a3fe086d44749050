/** Half an hour of everything a log and a document can go through, with the built program beside it. */
import { closeSync, openSync, readdirSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startCockpit } from '../e2e/cockpit.ts';
import { ResumedLog, type RunningReader } from '../e2e/resumed-log.ts';
import { closeTerminals } from '../e2e/terminal.ts';
import { pause, until } from '../ingest/collector.ts';
import { residentMb } from '../process-figures.ts';

/** `BINNACLE_SOAK_MINUTES` makes it shorter or longer. */
const MINUTES = Number(process.env['BINNACLE_SOAK_MINUTES'] ?? 30);
const SECOND_MS = 1_000;
/** Lines a second while nothing special happens. */
const RATE = 100;
const MB = 2 ** 20;
/** Where memory is plenty a heap is let grow before it is tidied; under a limit a process holds what it needs, or ends. */
const LIMITED = { NODE_OPTIONS: '--max-old-space-size=128' };
/** What happens to a log while one of its readers is away. */
const UNWATCHED = 'made anew while stopped';

const DESCRIPTION = `kinds:
  mill:
    title: Mill
    sources:
      board: { type: document, glob: board.json }
      app: { type: log, glob: logs/*.log, format: json, time: ts, message: msg }
    entities:
      - { type: job, from: board, id: id, title: "version {first} is {last}", status: { default: failed },
          attention: [{ when: {}, rank: 3, label: FAILED, why: "version {first} is {last}" }] }
systems:
  - { kind: mill, root: . }
`;

let log: ResumedLog | undefined;
let readers: RunningReader[] = [];
afterEach(async () => {
  await closeTerminals();
  for (const reader of readers) await reader.kill().catch(() => {});
  readers = [];
  log?.remove();
});

/** What a process holds, and what lies beside the databases, at one moment. */
interface Sample {
  readonly cockpitMb: number;
  readonly cockpitFiles: number;
  readonly readerMb: number;
  readonly readerFiles: number;
  readonly walKb: number;
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const walKb = (state: string): number =>
  readdirSync(state)
    .filter((name) => name.endsWith('-wal'))
    .reduce(
      (sum, name) => sum + (statSync(join(state, name), { throwIfNoEntry: false })?.size ?? 0) / 1024,
      0,
    );

/** A document that is rewritten all the time: in place, in halves, twice at once, by renaming. */
class Board {
  readonly #path: string;
  version = 0;

  constructor(root: string) {
    this.#path = join(root, 'board.json');
    this.#put();
  }

  async write(way: number): Promise<void> {
    if (way === 0) this.#put();
    else if (way === 1) {
      this.#put();
      await pause(15);
      this.#put();
    } else if (way === 2) {
      writeFileSync(`${this.#path}.new`, this.#next());
      renameSync(`${this.#path}.new`, this.#path);
    } else {
      const text = this.#next();
      const file = openSync(this.#path, 'w');
      writeSync(file, text.slice(0, 2_000));
      await pause(8);
      writeSync(file, text.slice(2_000));
      closeSync(file);
    }
  }

  #put(): void {
    writeFileSync(this.#path, this.#next());
  }

  #next(): string {
    this.version += 1;
    return JSON.stringify({ id: 'job', first: this.version, fill: 'x'.repeat(4_000), last: this.version });
  }
}

/** What the newest third of the values is above the oldest, each by its middle. In the first quarter things are filled. */
function growth(all: readonly number[]): number {
  const values = all.slice(Math.floor(all.length / 4));
  const third = Math.ceil(values.length / 3);
  const middle = (some: readonly number[]): number =>
    [...some].sort((a, b) => a - b)[Math.floor(some.length / 2)] ?? 0;
  return middle(values.slice(-third)) - middle(values.slice(0, third));
}

test(`row 64: ${MINUTES} minutes of everything: what is held stays the same, each line comes once`, {
  timeout: MINUTES * 60_000 + 300_000,
}, async ({ task }) => {
  const mill = new ResumedLog(DESCRIPTION);
  log = mill;
  const board = new Board(mill.root);
  const steady = mill.follow('steady', LIMITED);
  let victim = mill.follow('killed', LIMITED);
  readers = [steady, victim];
  const cockpit = startCockpit({
    args: ['-C', join(mill.root, 'binnacle.yaml')],
    state: mill.state,
    env: LIMITED,
  });
  await cockpit.waitFor(/version (\d+) is \1/, 60_000);

  /** Nobody lacks a line: what is there may go. */
  const allRead = async (): Promise<void> => {
    for (const name of ['steady', 'killed']) {
      await until(
        () => mill.lacks(name) === 0,
        120_000,
        () => `${name} lacks ${mill.lacks(name)} of ${mill.written.length} lines: ${mill.missing(name)[0]}`,
      );
    }
  };
  const restart = (): void => {
    victim = mill.follow('killed', LIMITED);
    readers = [steady, victim];
  };
  const happenings: Record<string, () => Promise<void>> = {
    'reader killed, log renamed, partial line': async () => {
      await mill.writeTorn(victim.kill);
      mill.rename();
      mill.write(20);
      restart();
    },
    'ten rotations 30 ms apart': async () => {
      for (let count = 0; count < 10; count += 1) {
        mill.write(50);
        mill.rotate(Math.random);
        await pause(30);
      }
    },
    'copied and emptied': async () => mill.rotate(() => 0.6),
    'renamed and compressed': async () => {
      mill.rename();
      mill.compress(1);
    },
    'rewritten in place, same size': async () => {
      mill.rotate(() => 0.4);
      mill.write(9);
      await allRead();
      mill.rewrite(9);
    },
    'rewritten in place, larger': async () => {
      await allRead();
      mill.rewrite(400);
    },
    'removed and made anew': async () => {
      await allRead();
      mill.replace(10);
    },
    [UNWATCHED]: async () => {
      await allRead();
      await victim.kill();
      mill.replace(300);
      restart();
    },
    'renamed under a writer': () => mill.renameKept(),
    'burst and two renames': async () => {
      mill.write(5_000);
      mill.rename();
      mill.write(5_000);
      mill.rename();
    },
    'oldest parts removed': async () => {
      await allRead();
      mill.prune(5);
    },
  };
  const names = Object.keys(happenings);
  const samples: Sample[] = [];
  const bad = new Set<string>();
  const counts: Record<string, number> = {};
  const figures: Record<string, string | number> = {};
  task.meta.figures = figures;
  let [staleMs, shown, shownAt, turn] = [0, 0, performance.now(), 0];

  /** The document on the screen: whole, none of its errors, and how old it is at most. */
  const lookAtBoard = async (): Promise<void> => {
    const text = cockpit.text();
    const [pair, first, last] = /version (\d+) is (\d+)/.exec(text) ?? [];
    if (pair === undefined || first !== last) {
      // Half of a frame may have come; the other half is there a moment later.
      await pause(50);
      if (pair === undefined || cockpit.text().includes(pair)) bad.add(`mixed or missing: ${pair}`);
    }
    if (/UNREAD|not JSON|ENGINE ENDED|NOT WRITTEN|database is locked/.test(text)) bad.add(text);
    if (Number(first) !== shown) [shown, shownAt] = [Number(first), performance.now()];
    else staleMs = Math.max(staleMs, performance.now() - shownAt);
  };
  const started = performance.now();
  const end = started + MINUTES * 60_000;
  let [nextHappening, nextSample] = [started + 5 * SECOND_MS, started + 60 * SECOND_MS];
  for (let tick = 0; performance.now() < end; tick += 1) {
    mill.write(RATE / 5);
    await board.write(tick % 4);
    await pause(200);
    await lookAtBoard();
    if (performance.now() > nextHappening) {
      const name = names[turn % names.length] ?? '';
      turn += 1;
      counts[name] = (counts[name] ?? 0) + 1;
      await happenings[name]?.();
      shownAt = performance.now();
      nextHappening = performance.now() + 5 * SECOND_MS;
    }
    if (performance.now() > nextSample) {
      nextSample += 60 * SECOND_MS;
      samples.push({
        cockpitMb: Math.round(residentMb(cockpit.pid)),
        cockpitFiles: openFiles(cockpit.pid),
        readerMb: Math.round(residentMb(steady.pid)),
        readerFiles: openFiles(steady.pid),
        walKb: Math.round(walKb(mill.state)),
      });
      figures[`after ${samples.length} min`] = JSON.stringify(samples.at(-1));
      process.stdout.write(
        `${samples.length} min, ${mill.written.length} lines: ${JSON.stringify(samples.at(-1))}\n`,
      );
    }
  }
  await allRead();
  await cockpit.waitFor(`version ${board.version} is ${board.version}`, 20_000);
  Object.assign(figures, {
    'lines written': mill.written.length,
    'versions of the document': board.version,
    'oldest version on the screen (ms)': Math.round(staleMs),
    'kills of a reader': mill.kills,
    happenings: JSON.stringify(counts),
    'what the cockpit says of its logs': /follow .*$/m.exec(cockpit.text())?.[0].trim() ?? '',
  });
  for (const name of ['steady', 'killed']) {
    const rows = (): string[] =>
      mill.received(name).lines.flatMap(({ form, text }) => (form === 'log' ? [text] : []));
    await expect.poll(() => rows().length, { timeout: 30_000, interval: 500 }).toBe(mill.written.length);
    const { lines, again } = mill.received(name);
    expect(
      lines.every(({ id }, index) => id === index + 1),
      `${name}: numbers`,
    ).toBe(true);
    // What is told beside them: other lines were put in the place of those that were there, under the eyes of a reader
    // or while it was away.
    const told = lines.filter(({ form }) => form !== 'log').map(({ text }) => text);
    const gaps = told.filter((text) => text.includes('removed or rewritten while nobody watched'));
    expect(gaps, `${name}: gaps`).toHaveLength(name === 'killed' ? (counts[UNWATCHED] ?? 0) : 0);
    const emptied = told.filter((text) => text.includes('was emptied by its writer'));
    expect(emptied.length, `${name}: told beside the lines`).toBe(told.length - gaps.length);
    figures[`${name}: lines that came, and of them again under their numbers`] = `${lines.length}, ${again}`;
  }
  expect([...bad]).toEqual([]);
  const grown = (of: keyof Sample): number => growth(samples.map((sample) => sample[of]));
  // Parts of the log that are there at the moment of a sample are open.
  expect(grown('cockpitFiles')).toBeLessThanOrEqual(12);
  expect(grown('readerFiles')).toBeLessThanOrEqual(12);
  expect(grown('cockpitMb')).toBeLessThan(40);
  expect(grown('readerMb')).toBeLessThan(40);
  expect(Math.max(...samples.map((sample) => sample.walKb))).toBeLessThan((16 * MB) / 1024);
});
