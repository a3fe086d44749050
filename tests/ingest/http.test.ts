import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askHttp } from '../../src/host/http.ts';
import { backOff } from '../../src/ingest/http.ts';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { rateBudget } from '../../src/ingest/rate-budget.ts';
import { type Collector, collect, pause, temporary } from './collector.ts';

let place: ReturnType<typeof temporary>;
let open: Collector[] = [];
let servers: Server[] = [];
beforeEach(() => {
  place = temporary();
});
afterEach(async () => {
  for (const collector of open) await collector.pump.close();
  open = [];
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
  place.remove();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function serve(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
    }),
  );
}

const spec: IngestSpec = { id: 'api', type: 'http', path: '/health', everyMs: 50, timeoutMs: 300 };

async function follow(
  url: string | undefined,
  more = {},
  one: Partial<Extract<IngestSpec, { type: 'http' }>> = {},
) {
  const options = url === undefined ? more : { url, ...more };
  const collector = await collect(place.dir, [{ ...spec, ...one } as IngestSpec], options);
  open.push(collector);
  return collector;
}

function answers(seen: Collector) {
  return seen.chunks().flatMap(({ chunk }) => (chunk.type === 'http' ? [chunk] : []));
}

describe('asking', () => {
  test.each([
    ['ahead', 600_000, {}, 598_000, 600_000],
    ['behind', -600_000, {}, -600_000, -598_000],
    ['alike', 0, {}, undefined, undefined],
    ['told by a cache', 600_000, { age: '12' }, undefined, undefined],
  ])(
    'a clock that is %s: what the whole seconds of its date prove',
    async (_what, apartMs, headers, least, most) => {
      const url = await serve((_request, response) => {
        response.writeHead(200, { date: new Date(Date.now() + apartMs).toUTCString(), ...headers });
        response.end('{}');
      });
      const seen = await follow(url);
      await seen.until(() => seen.status()?.state === 'fresh');
      const clockAheadMs = seen.status()?.clockAheadMs;
      if (least === undefined) expect(clockAheadMs).toBeUndefined();
      else {
        // A loaded machine lets the answer wait: a clock behind is then proven for less, one ahead too.
        expect(clockAheadMs).toBeGreaterThan(least - 60_000);
        expect(clockAheadMs).toBeLessThan(most + 60_000);
      }
    },
  );

  test('gives status, body and latency, again and again', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      response.end(`${request.method} ${request.url} ${asked}`);
    });
    const seen = await follow(url);
    expect(answers(seen)[0]).toMatchObject({ status: 200, body: 'GET /health 1', failures: 0 });
    expect(seen.chunks()[0]).toMatchObject({ path: `${url}/health`, fresh: true });
    await seen.until(() => answers(seen).length >= 3);
    expect(seen.status()).toMatchObject({ state: 'fresh', place: `${url}/health` });
  });

  test('once, it asks once, and waits no longer than two seconds', async () => {
    let asked = 0;
    const url = await serve(() => {
      asked += 1;
    });
    const seen = await follow(url, { once: true }, { timeoutMs: 3_600_000 });
    expect(asked).toBe(1);
    await seen.until(() => seen.status()?.state === 'stale');
    expect(seen.status()?.error).toMatch(/no answer in 2 s/);
  });

  test('counts failures in a row, says what is wrong, and recovers', async () => {
    let broken = true;
    const url = await serve((_request, response) => {
      if (broken) response.destroy();
      else response.end('{}');
    });
    const seen = await follow(url);
    await seen.until(() => answers(seen).length >= 3);
    expect(
      answers(seen)
        .map((answer) => answer.failures)
        .slice(0, 3),
    ).toEqual([1, 2, 3]);
    expect(answers(seen)[0]?.status).toBeUndefined();
    await seen.until(() => seen.status()?.state === 'stale');
    broken = false;
    await seen.until(() => answers(seen).at(-1)?.failures === 0);
    await seen.until(() => seen.status()?.state === 'fresh' && seen.status()?.error === undefined);
  });

  test('sends the key where there is one, and names the variable where there is none', async () => {
    const url = await serve((request, response) => {
      response.statusCode = request.headers['x-key'] === 'Bearer hush' ? 200 : 401;
      response.end();
    });
    const secretHeader = { name: 'X-Key', variable: 'THE_KEY', prefix: 'Bearer ' };
    const with_ = await follow(
      url,
      { secret: (name: string) => (name === 'THE_KEY' ? 'hush' : undefined) },
      { secretHeader },
    );
    expect(answers(with_)[0]?.status).toBe(200);
    const without = await follow(url, {}, { secretHeader });
    expect(answers(without)[0]).toMatchObject({ status: 401, failures: 1 });
    await without.until(() => without.status()?.state === 'error');
    expect(without.status()?.error).toMatch(/set THE_KEY/);
  });

  test('is off without a base URL, and says how to switch it on', async () => {
    const seen = await follow(undefined);
    expect(seen.status()).toMatchObject({ state: 'off', error: expect.stringMatching(/add url=/) });
    expect(seen.chunks()).toEqual([]);
  });

  test('keeps to the budget a minute, shared through a directory, and waits as long as the server asks', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      response.end();
    });
    const budgetDir = place.dir;
    const one = await follow(url, { budgetDir }, { perMinute: 3, everyMs: 20 });
    const two = await follow(url, { budgetDir }, { perMinute: 3, everyMs: 20 });
    await pause(400);
    expect(asked).toBe(3);
    expect(one.status()?.state).toBe('limited');
    expect(two.status()?.state).toBe('limited');
  });

  test.each<[string, Record<string, string>, number]>([
    ['for as long as it says', { 'retry-after': '30' }, 30],
    ['for a minute where it does not say', {}, 60],
    ['for an hour at most', { 'retry-after': '99999999' }, 3600],
  ])(
    'leaves a server alone that refuses, on all its paths and from all cockpits, %s',
    async (_how, headers, seconds) => {
      const asked: string[] = [];
      const url = await serve((request, response) => {
        asked.push(request.url ?? '');
        response.writeHead(429, headers);
        response.end();
      });
      const budgetDir = place.dir;
      const first = await follow(url, { budgetDir }, { everyMs: 20 });
      await first.until(() => first.status()?.state === 'error');
      expect(first.status()?.error).toMatch(/^answered 429/);
      await first.pump.refresh('api');
      const other = await follow(url, { budgetDir }, { path: '/other', everyMs: 20 });
      await pause(150);
      expect(asked).toEqual(['/health']);
      for (const seen of [first, other]) {
        expect(seen.status()).toMatchObject({
          state: 'limited',
          error: expect.stringMatching(/asked for a pause/),
        });
        const left = Number(/in (\d+) s$/.exec(seen.status()?.error ?? '')?.[1]);
        expect(left).toBeGreaterThan(seconds - 20);
        expect(left).toBeLessThanOrEqual(seconds);
      }
      // Another process, as a verb is one, finds it in the shared directory.
      const host = new URL(url).host;
      expect(rateBudget(host, budgetDir).take(60)).toMatchObject({ allowed: false, why: 'paused' });
    },
  );
});

describe('one request', () => {
  test('follows a redirect on the same host, and never sends a key to another', async () => {
    let leaked = false;
    const other = await serve((_request, response) => {
      leaked = true;
      response.end('other');
    });
    const url = await serve((request, response) => {
      if (request.url === '/here') response.writeHead(302, { location: '/there' });
      else if (request.url === '/away') response.writeHead(302, { location: other });
      else if (request.url === '/round') response.writeHead(302, { location: '/round' });
      response.end('body');
    });
    const ask = (path: string) =>
      askHttp({ method: 'GET', url: url + path, headers: { 'X-Key': 'k' }, timeoutMs: 1000 });
    expect(await ask('/here')).toMatchObject({ status: 200, body: 'body' });
    expect((await ask('/away')).error).toMatch(/not followed/);
    expect((await ask('/round')).error).toMatch(/not followed/);
    expect(leaked).toBe(false);
  });

  test('caps a body that does not end, and gives up on one that comes too slowly', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/slow') {
        const drip = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(drip));
        return;
      }
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 120)));
      };
      response.on('drain', pour);
      pour();
    });
    const big = await askHttp({ method: 'GET', url, timeoutMs: 5000, maxBytes: 100_000 });
    expect(big).toMatchObject({ status: 200, truncated: true });
    expect(big.body).toHaveLength(100_000);
    const slow = await askHttp({ method: 'GET', url: `${url}/slow`, timeoutMs: 200 });
    expect(slow.error).toMatch(/no answer in 200 ms/);
    expect(slow.latencyMs).toBeGreaterThanOrEqual(190);
  });

  test('sends a body, and never throws whatever it meets', async () => {
    const url = await serve((request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += part;
      });
      request.on('end', () => response.end(`${request.method} ${text}`));
    });
    const ask = (more: Partial<Parameters<typeof askHttp>[0]>) =>
      askHttp({ method: 'GET', url, timeoutMs: 500, ...more });
    expect((await ask({ method: 'POST', body: '{"ä":1}' })).body).toBe('POST {"ä":1}');
    expect((await ask({ url: 'nonsense' })).error).toMatch(/not a URL/);
    expect((await ask({ url: 'file:///etc/passwd' })).error).toMatch(/not an http address/);
    expect((await ask({ headers: { 'bad name': 'x\n' } })).error).toBeTruthy();
    expect((await ask({ url: 'http://127.0.0.1:1/' })).error).toMatch(/refused/);
    const raw = createRawServer((socket) => socket.end('HTTP/9.9 what\r\n\r\n'));
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    const address = raw.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect((await ask({ url: `http://127.0.0.1:${port}/` })).error).toBeTruthy();
    raw.close();
  });
});

test('backs off from failures up to a minute, and never asks more often than usual', () => {
  expect([0, 1, 2, 3, 4, 20].map((failures) => backOff(5000, failures))).toEqual([
    5000, 5000, 10_000, 20_000, 40_000, 60_000,
  ]);
  expect(backOff(300_000, 9)).toBe(300_000);
});

test('a budget is per host, and a lock left by a killed process does not close it', async () => {
  const a = rateBudget('a.example', place.dir);
  expect([a.take(2).allowed, a.take(2).allowed, a.take(2).allowed]).toEqual([true, true, false]);
  expect(rateBudget('a.example', place.dir).take(2)).toMatchObject({ allowed: false });
  expect(rateBudget('b.example', place.dir).take(1).allowed).toBe(true);
  expect(rateBudget('c.example', '/no/such/dir').take(1).allowed).toBe(true);
  expect(rateBudget('c.example', '/no/such/dir').take(1).allowed).toBe(false);
});
