import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/engine/engine-client.ts';
import type { EnginePort } from '../../src/engine/protocol.ts';
import { until } from '../ingest/collector.ts';
import { jobsIn, listen, Mill } from './mill.ts';

let mill: Mill;
let worker: Worker;
let port: EnginePort;
let ends: string[];

beforeEach(() => {
  mill = new Mill();
  ends = [];
});
afterEach(async () => {
  await worker.terminate();
  mill.remove();
});

function connect(): void {
  worker = new Worker(new URL('./mill-thread.ts', import.meta.url), { workerData: { root: mill.dir } });
  port = connectEngine(worker, (why) => ends.push(why));
}

describe('an engine in a thread of its own', () => {
  it('tells the whole, then changes, and answers calls', async () => {
    mill.jobs({ a: { status: 'running' } });
    mill.log('1000 one');
    connect();
    const messages = listen(port);
    expect(await port.call('settle', {})).toEqual({ settled: true });
    await until(() => jobsIn(messages)['a'] === 'running', 3000);
    expect(messages[0]).toMatchObject({ reset: true, complete: true });
    mill.jobs({ a: { status: 'done' } });
    await until(() => jobsIn(messages)['a'] === 'done', 3000);
    const page = await port.call('page', { query: { changes: false }, at: 'end', rows: 5 });
    expect(page.rows.map((row) => row.text)).toEqual(['one']);
  });

  it('gives each of several calls its own answer, failures with their next steps', async () => {
    mill.jobs({ a: { status: 'running' } });
    connect();
    await port.call('settle', {});
    const answers = await Promise.allSettled([
      port.call('read', { system: 'mill' as never, path: 'jobs.json', maxBytes: 3 }),
      port.call('read', { system: 'nobody' as never, path: 'x', maxBytes: 3 }),
      port.call('settle', {}),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[0]).toMatchObject({ value: { text: '{"a' } });
    expect(String((answers[1] as PromiseRejectedResult).reason)).toContain('systems: mill');
  });

  it('is closed from here, after which calls are refused and nobody is alarmed', async () => {
    mill.jobs({});
    connect();
    await port.call('settle', {});
    await port.close();
    await port.close();
    await expect(port.call('settle', {})).rejects.toThrow('closed');
    expect(ends).toEqual([]);
  });

  it('that dies rejects what was asked of it and says so once', async () => {
    mill.jobs({});
    connect();
    await port.call('settle', {});
    worker.postMessage('die');
    const pending = port.call('page', { query: {}, at: 'end', rows: 1 });
    await expect(pending.then(() => port.call('settle', {}))).rejects.toThrow('the engine ended with code 3');
    await until(() => ends.length > 0, 3000);
    expect(ends).toEqual(['the engine ended with code 3']);
    await port.close();
  });
});
