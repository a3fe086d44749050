/** A log that is rotated in every way, followed by `logs --resume`, which is killed again and again. */
import type { ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pause, temporary, until } from '../ingest/collector.ts';
import { type EndedVerb, endOf, runVerb, startVerb } from './verb.ts';

const KIND = `kinds:
  mill:
    title: Mill
    sources:
      app:
        type: log
        glob: logs/*.log
        format: json
        time: ts
        message: msg
        fold: { seen: { by: msg, take: { last: { last: ts } } } }
    entities:
      - { type: job, from: app.seen, id: key, title: "{key}", status: { default: done } }
systems:
  - { kind: mill, root: . }
`;

/** A line a reader of the pipe got. */
export interface PipedLine {
  readonly id: number;
  readonly form: string;
  readonly text: string;
}

/** A reader that runs, and what ends it. */
export interface RunningReader {
  readonly pid: number;
  /** Asks it to end; how it did. */
  end(): Promise<EndedVerb>;
  kill(): Promise<void>;
}

/** The log, its writer, and what came out of the pipes of all readers, by the names they go on under. */
export class ResumedLog {
  readonly #place = temporary();
  readonly root = this.#place.dir;
  /** Where its readers, and a cockpit beside them, keep what is theirs. */
  readonly state = join(this.root, 'state');
  readonly #log = join(this.root, 'logs', 'app.log');
  readonly #options = {
    cwd: this.root,
    env: {
      BINNACLE_STATE_DIR: this.state,
      BINNACLE_HOST_DIR: join(this.root, 'no-host'),
      BINNACLE_PROCESSES: 'none',
    },
  };
  readonly written: string[] = [];
  readonly #piped = new Map<string, PipedLine[]>();
  readonly #texts = new Map<string, Set<string>>();
  rotations = 0;
  kills = 0;

  constructor(description = KIND) {
    mkdirSync(join(this.root, 'logs'));
    writeFileSync(join(this.root, 'binnacle.yaml'), description);
    writeFileSync(this.#log, '');
  }

  /** Writes so many lines. */
  write(count: number): void {
    appendFileSync(this.#log, this.#lines(count));
  }

  /** Writes so many lines in the place of all there are, which everybody has read. */
  rewrite(count: number): void {
    writeFileSync(this.#log, this.#lines(count));
  }

  /** Removes the file with all there is, which everybody has read, and begins another. */
  replace(count: number): void {
    rmSync(this.#log);
    this.write(count);
  }

  /** Renames the file under the hands of a writer who goes on writing to it while others write to the new one. */
  async renameKept(): Promise<void> {
    const kept = openSync(this.#log, 'a');
    this.rename();
    for (let count = 0; count < 2; count += 1) {
      this.write(1);
      await pause(300);
      writeSync(kept, this.#lines(1));
    }
    closeSync(kept);
  }

  /** Removes the parts behind the newest so many, which everybody has read. */
  prune(keep: number): void {
    for (const { name } of this.#rotated().slice(keep)) rmSync(join(this.root, 'logs', name));
  }

  /** Writes one line in two halves, `between` them something happens. */
  async writeTorn(between: () => Promise<void>): Promise<void> {
    const text = `line ${this.written.length + 1} of the mill, torn in two halves by its writer`;
    this.written.push(text);
    const line = `${JSON.stringify({ ts: '2026-02-21T03:14:08.000Z', msg: text })}\n`;
    appendFileSync(this.#log, line.slice(0, 40));
    await between();
    appendFileSync(this.#log, line.slice(40));
  }

  rename(): void {
    this.#shift();
    renameSync(this.#log, `${this.#log}.1`);
    writeFileSync(this.#log, '');
  }

  copyTruncate(): void {
    this.#shift();
    copyFileSync(this.#log, `${this.#log}.1`);
    truncateSync(this.#log, 0);
  }

  /** As a rotator that compresses does it: the original goes when its compressed form is whole. */
  compress(number: number): void {
    const plain = `${this.#log}.${number}`;
    const seconds = Math.floor(statSync(plain).mtimeMs) / 1000;
    writeFileSync(`${plain}.part`, gzipSync(readFileSync(plain)));
    utimesSync(`${plain}.part`, seconds, seconds);
    renameSync(`${plain}.part`, `${plain}.gz`);
    rmSync(plain);
  }

  /** Any of them. */
  rotate(random: () => number): void {
    this.rotations += 1;
    if (random() < 0.5) this.rename();
    else this.copyTruncate();
    if (random() < 0.3) this.compress(1);
  }

  /** Starts a reader, with more in its environment. */
  follow(name = 'pipe', env: Readonly<Record<string, string>> = {}): RunningReader {
    const child = startVerb(['logs', '--follow', '--json', '--resume', name], {
      ...this.#options,
      env: { ...this.#options.env, ...env },
    });
    const taken = this.#take(child, name);
    const ended = endOf(child);
    return {
      pid: child.pid ?? Number.NaN,
      end: async () => {
        child.kill('SIGTERM');
        await taken;
        return await ended;
      },
      kill: async () => {
        this.kills += 1;
        child.kill('SIGKILL');
        const { signal, code, stderr } = await ended;
        await taken;
        if (signal !== 'SIGKILL') throw new Error(`the reader had ended: exit ${code}: ${stderr}`);
      },
    };
  }

  /** One reader that reads what there is and ends. */
  async finish(name = 'pipe'): Promise<void> {
    const { code, stdout, stderr } = await runVerb(['logs', '--json', '--resume', name], this.#options);
    if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
    this.#parse(stdout, name);
  }

  /** Everything that came, in its order. */
  piped(name = 'pipe'): readonly PipedLine[] {
    return this.#piped.get(name) ?? [];
  }

  /** Lines that were written and have not come, in whatever order they come. */
  missing(name = 'pipe'): readonly string[] {
    const texts = this.#texts.get(name);
    return this.written.filter((text) => !texts?.has(text));
  }

  /** How many lines were written and have not come. */
  lacks(name = 'pipe'): number {
    return this.written.length - (this.#texts.get(name)?.size ?? 0);
  }

  /** Waits for a line with this number or a higher one. */
  async untilPiped(count: number, name = 'pipe'): Promise<void> {
    await until(
      () => (this.piped(name).at(-1)?.id ?? 0) >= count,
      60_000,
      () =>
        `${name}: ${this.piped(name).length} lines piped, the last ${this.piped(name).at(-1)?.id}, not ${count}`,
    );
  }

  /** What the reader of the pipes has, who leaves out numbers that came before; and how many that were. */
  received(name = 'pipe'): { readonly lines: readonly PipedLine[]; readonly again: number } {
    const lines: PipedLine[] = [];
    for (const line of this.piped(name)) if (line.id > (lines.at(-1)?.id ?? 0)) lines.push(line);
    return { lines, again: this.piped(name).length - lines.length };
  }

  remove(): void {
    this.#place.remove();
  }

  #lines(count: number): string {
    const lines = Array.from({ length: count }, () => {
      const text = `line ${this.written.length + 1} of the mill, with words enough to tell it from others`;
      this.written.push(text);
      return `${JSON.stringify({ ts: '2026-02-21T03:14:07.000Z', msg: text })}\n`;
    });
    return lines.join('');
  }

  /** The older parts, the newest of them first. */
  #rotated(): readonly { readonly name: string; readonly number: number }[] {
    return readdirSync(join(this.root, 'logs'))
      .map((name) => ({ name, number: Number(/^app\.log\.(\d+)/.exec(name)?.[1] ?? 0) }))
      .filter(({ number }) => number > 0)
      .sort((a, b) => a.number - b.number);
  }

  #shift(): void {
    for (const { name, number } of [...this.#rotated()].reverse()) {
      const to = name.replace(/^app\.log\.\d+/, `app.log.${number + 1}`);
      renameSync(join(this.root, 'logs', name), join(this.root, 'logs', to));
    }
  }

  #take(child: ChildProcess, name: string): Promise<void> {
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).lastIndexOf('\n') + 1;
      const all = rest + text;
      this.#parse(all.slice(0, whole), name);
      rest = all.slice(whole);
    });
    return new Promise((resolve) => child.stdout?.once('close', () => resolve()));
  }

  #parse(text: string, name: string): void {
    const piped = this.#piped.get(name) ?? [];
    this.#piped.set(name, piped);
    const texts = this.#texts.get(name) ?? new Set();
    this.#texts.set(name, texts);
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const one = JSON.parse(line) as PipedLine;
      piped.push(one);
      if (one.form === 'log') texts.add(one.text);
    }
  }
}

/** Writes and rotates while readers are killed at random moments, then reads the rest. */
export async function killAndResume(kills: number, random: () => number): Promise<ResumedLog> {
  const log = new ResumedLog();
  for (let count = 0; count < kills; count += 1) {
    const reader = log.follow();
    // The reader is at work before it is killed, whatever the machine is doing.
    const target = (log.piped().at(-1)?.id ?? 0) + 1;
    log.write(30);
    await log.untilPiped(target);
    const end = performance.now() + random() * 300;
    while (performance.now() < end) {
      log.write(30);
      if (random() < 0.2) log.rotate(random);
      await pause(4);
    }
    if (random() < 0.5) await log.writeTorn(reader.kill);
    else await reader.kill();
    log.write(10);
    if (random() < 0.7) log.rotate(random);
    if (random() < 0.4) log.rotate(random);
    log.write(10);
  }
  await log.finish();
  return log;
}
