/** A log that is rotated in every way, followed by `logs --resume`, which is killed again and again. */
import type { ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pause, temporary, until } from '../ingest/collector.ts';
import { endOf, runVerb, startVerb } from './verb.ts';

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

/** The log, its writer, and what came out of the pipes of all readers. */
export class ResumedLog {
  readonly #place = temporary();
  readonly #log = join(this.#place.dir, 'logs', 'app.log');
  readonly #options = {
    cwd: this.#place.dir,
    env: {
      BINNACLE_STATE_DIR: join(this.#place.dir, 'state'),
      BINNACLE_HOST_DIR: join(this.#place.dir, 'no-host'),
      BINNACLE_PROCESSES: 'none',
    },
  };
  readonly written: string[] = [];
  readonly piped: PipedLine[] = [];
  rotations = 0;
  kills = 0;

  constructor() {
    mkdirSync(join(this.#place.dir, 'logs'));
    writeFileSync(join(this.#place.dir, 'binnacle.yaml'), KIND);
    writeFileSync(this.#log, '');
  }

  /** Writes so many lines. */
  write(count: number): void {
    const lines = Array.from({ length: count }, () => {
      const text = `line ${this.written.length + 1} of the mill, with words enough to tell it from others`;
      this.written.push(text);
      return JSON.stringify({ ts: '2026-02-21T03:14:07.000Z', msg: text });
    });
    appendFileSync(this.#log, lines.map((line) => `${line}\n`).join(''));
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

  /** Starts a reader; returns what kills it. */
  follow(): () => Promise<void> {
    const child = startVerb(['logs', '--follow', '--json', '--resume', 'pipe'], this.#options);
    const taken = this.#take(child);
    const ended = endOf(child);
    return async () => {
      this.kills += 1;
      child.kill('SIGKILL');
      const { signal, code, stderr } = await ended;
      await taken;
      if (signal !== 'SIGKILL') throw new Error(`the reader had ended: exit ${code}: ${stderr}`);
    };
  }

  /** One reader that reads what there is and ends. */
  async finish(): Promise<void> {
    const { code, stdout, stderr } = await runVerb(['logs', '--json', '--resume', 'pipe'], this.#options);
    if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
    this.#parse(stdout);
  }

  async untilPiped(count: number): Promise<void> {
    await until(
      () => this.piped.length >= count,
      30_000,
      () => `${this.piped.length} lines piped`,
    );
  }

  /** What the reader of the pipes has, who leaves out numbers that came before; and how many that were. */
  received(): { readonly lines: readonly PipedLine[]; readonly again: number } {
    const lines: PipedLine[] = [];
    for (const line of this.piped) if (line.id > (lines.at(-1)?.id ?? 0)) lines.push(line);
    return { lines, again: this.piped.length - lines.length };
  }

  remove(): void {
    this.#place.remove();
  }

  #shift(): void {
    const rotated = readdirSync(join(this.#place.dir, 'logs'))
      .map((name) => ({ name, number: Number(/^app\.log\.(\d+)/.exec(name)?.[1] ?? 0) }))
      .filter(({ number }) => number > 0)
      .sort((a, b) => b.number - a.number);
    for (const { name, number } of rotated) {
      const to = name.replace(/^app\.log\.\d+/, `app.log.${number + 1}`);
      renameSync(join(this.#place.dir, 'logs', name), join(this.#place.dir, 'logs', to));
    }
  }

  #take(child: ChildProcess): Promise<void> {
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).lastIndexOf('\n') + 1;
      const all = rest + text;
      this.#parse(all.slice(0, whole));
      rest = all.slice(whole);
    });
    return new Promise((resolve) => child.stdout?.once('close', () => resolve()));
  }

  #parse(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.piped.push(JSON.parse(line) as PipedLine);
  }
}

/** Writes and rotates while readers are killed at random moments, then reads the rest. */
export async function killAndResume(kills: number, random: () => number): Promise<ResumedLog> {
  const log = new ResumedLog();
  for (let count = 0; count < kills; count += 1) {
    const kill = log.follow();
    // The reader is at work before it is killed, whatever the machine is doing.
    const target = log.piped.length + 1;
    log.write(30);
    await log.untilPiped(target);
    const end = performance.now() + random() * 300;
    while (performance.now() < end) {
      log.write(30);
      if (random() < 0.2) log.rotate(random);
      await pause(4);
    }
    if (random() < 0.5) await log.writeTorn(kill);
    else await kill();
    log.write(10);
    if (random() < 0.7) log.rotate(random);
    if (random() < 0.4) log.rotate(random);
    log.write(10);
  }
  await log.finish();
  return log;
}
