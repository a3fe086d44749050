import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { pause, until } from '../ingest/collector.ts';
import { killAndResume, ResumedLog } from './resumed-log.ts';

let log: ResumedLog | undefined;
afterEach(() => log?.remove());

function texts({ lines }: ReturnType<ResumedLog['received']>): string[] {
  return lines.map(({ text }) => text);
}

function numbersUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe('logs --json --resume NAME', () => {
  it('rows 1 and 36: killed again and again while the log is written and rotated, gives each line once', async () => {
    log = await killAndResume(2, Math.random);
    const received = log.received();
    expect([...texts(received)].sort()).toEqual([...log.written].sort());
    expect(received.lines.map(({ id }) => id)).toEqual(numbersUpTo(log.written.length));
  }, 60_000);

  it('rows 6 and 40: goes on in a part that was rotated and compressed meanwhile', async () => {
    log = new ResumedLog();
    log.write(5);
    await log.finish();
    log.write(5);
    log.rename();
    log.compress(1);
    log.write(5);
    await log.finish();
    const received = log.received();
    expect(texts(received)).toEqual(log.written);
    expect(received.again).toBe(0);
  });

  it('waits while another process writes to the record, when it begins, hands on and ends', async () => {
    log = new ResumedLog();
    log.write(1);
    const reader = log.follow();
    await log.untilPiped(1);
    const other = new Database(join(log.state, 'positions.db'), { timeout: 10_000 });
    // What was printed is recorded a moment later, and nothing more is printed before.
    const waiting = other.prepare('SELECT count(*) FROM lines').pluck();
    await until(() => waiting.get() === 0, 10_000);
    // A line that is committed and not handed on: it is printed at the end, and that is to be recorded.
    const row = {
      system: 'mill',
      source: 'app',
      path: 'logs/app.log',
      offset: 0,
      form: 'log',
      text: 'waits',
    };
    other.exec('BEGIN IMMEDIATE');
    other
      .prepare("INSERT INTO lines SELECT id, 2, ? FROM readers WHERE name = 'logs pipe'")
      .run(JSON.stringify({ ...row, sortAt: 0 }));
    other.exec('COMMIT; BEGIN IMMEDIATE');
    const ends = Promise.all([reader.end(), log.finish('other')]);
    await log.untilPiped(2);
    await pause(300);
    other.exec('ROLLBACK');
    other.close();
    const [ended] = await ends;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(texts(log.received('other'))).toEqual(log.written);
    expect(texts(log.received())).toEqual([...log.written, 'waits']);
  });

  it('is one reader at a time', async () => {
    log = new ResumedLog();
    log.write(1);
    const reader = log.follow();
    await log.untilPiped(1);
    await expect(log.finish()).rejects.toThrow(/exit 4: .*another process goes on from "logs pipe": pid \d+/);
    await reader.kill();
    log.write(1);
    await log.finish();
    expect(texts(log.received())).toEqual(log.written);
  });
});
