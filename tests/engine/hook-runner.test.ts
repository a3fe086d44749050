/** Hooks fired at real programs and a real server on this host. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import { openHostStore } from '../../src/db/host-store.ts';
import type { Alert } from '../../src/domain/alert.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import type { Hook, HookDeed } from '../../src/domain/hook.ts';
import { HookRate } from '../../src/engine/hook-rate.ts';
import { type HookPorts, HookRunner } from '../../src/engine/hook-runner.ts';
import { manualClock, systemClock } from '../../src/host/clock.ts';
import { askHttp } from '../../src/host/http.ts';
import { allowedEnv, runProcess } from '../../src/host/process.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';

const SECRET = 'tok-3f9a-not-for-others';
const QUICK = { timeoutMs: 400, graceMs: 50, retryMs: 10 };
const PATIENT = { timeoutMs: 20_000, graceMs: 50, retryMs: 10 };

function alert(id: string, more: Partial<Alert> = {}): Alert {
  return {
    id,
    on: 'fatal',
    severity: 'fatal',
    at: NIGHT,
    ref: { system: 'orket' as SystemId, type: 'issue', id },
    title: `title of ${id}`,
    text: 'nothing moves',
    ...more,
  };
}

function hook(deed: HookDeed, more: Partial<Hook> = {}): Hook {
  return { on: ['fatal'], severity: 'info', atStart: false, withinMs: 900_000, deed, ...more };
}

function portsOf(
  more: Partial<HookPorts> = {},
): HookPorts & { readonly failures: string[]; readonly rings: object[] } {
  const failures: string[] = [];
  const rings: object[] = [];
  return {
    failures,
    rings,
    clock: systemClock(),
    run: runProcess,
    ask: askHttp,
    environment: () => allowedEnv({ PATH: process.env['PATH'], HOME: '/home/alice', API_TOKEN: SECRET }),
    secret: (name) => (name === 'API_TOKEN' ? SECRET : undefined),
    masker: createMasker([SECRET]),
    hostName: 'prod-1',
    version: '1',
    claim: () => true,
    ring: (what) => rings.push(what),
    failed: (text) => failures.push(text),
    ...more,
  };
}

/** A program of these shell lines; its `out` is a file beside it. */
function program(...lines: readonly string[]): { readonly deed: HookDeed; readonly out: string } {
  const dir = temporaryDirectory();
  const path = join(dir, 'program');
  const out = join(dir, 'out');
  writeFileSync(path, `#!/bin/sh\nout='${out}'\n${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return { deed: { type: 'program', argv: [path, 'two words', '$(reboot)'] }, out };
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A server that answers as told and remembers what it was asked. */
async function server(
  answer: (response: ServerResponse, count: number) => void,
): Promise<{ url: string; asked: { headers: IncomingHttpHeaders; body: string }[] }> {
  const asked: { headers: IncomingHttpHeaders; body: string }[] = [];
  const listening = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      asked.push({ headers: request.headers, body });
      answer(response, asked.length);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/services/${SECRET}`, asked };
}

describe('a program', () => {
  it('gets the event as JSON on its input, its own arguments unread by any shell, and no secret of ours', async () => {
    const { deed, out } = program(
      'cat > "$out.tmp"; printf "%s\\n" "$@" "$PWD" >> "$out.tmp"; env >> "$out.tmp"; mv "$out.tmp" "$out"',
    );
    const ports = portsOf();
    const runner = new HookRunner([hook(deed)], ports, PATIENT);
    runner.fire(alert('a', { title: `key=${SECRET} "quoted"\n\x1b[2J` }));
    await until(() => existsSync(out));
    const [json = '', ...rest] = readFileSync(out, 'utf8').split('\n');
    expect(JSON.parse(json)).toMatchObject({
      schema: 'binnacle-hook/1',
      host: 'prod-1',
      id: 'a',
      on: 'fatal',
      system: 'orket',
      type: 'issue',
      item: 'a',
      title: 'key=*** "quoted"\n\x1b[2J',
      count: 1,
      others: [],
    });
    expect(rest.slice(0, 3)).toEqual(['two words', '$(reboot)', '/']);
    expect(rest.join('\n')).not.toContain(SECRET);
    await runner.close();
  });

  it('that hangs is killed at its deadline, others go on meanwhile, and it is told once until it works again', async () => {
    const clock = manualClock(NIGHT);
    const hanging = program('trap "" TERM', '[ -e "$out" ] && exit 0', 'while :; do sleep 0.05; done');
    const good = program('cat >> "$out"');
    const ports = portsOf({ clock });
    const runner = new HookRunner([hook(hanging.deed), hook(good.deed)], ports, {
      ...QUICK,
      timeoutMs: 1_000,
    });
    runner.fire(alert('a'));
    await until(() => existsSync(good.out));
    expect(ports.failures).toEqual([]);
    await until(() => ports.failures.length === 1);
    expect(ports.failures[0]).toMatch(/^program \/.*: did not end in 1 s and was killed$/);
    expect(runner.troubles()).toHaveLength(1);

    runner.fire(alert('b'));
    clock.advance(10_000);
    await until(() => readFileSync(good.out, 'utf8').split('\n').length === 3);
    writeFileSync(hanging.out, '');
    runner.fire(alert('c'));
    clock.advance(10_000);
    await until(() => {
      clock.advance(10_000);
      return runner.troubles().length === 0;
    });
    expect(ports.failures).toHaveLength(1);
    await runner.close();
  });

  it('that floods, reads nothing or is missing harms nobody', async () => {
    const flood = program('yes 0123456789012345678901234567890123456789 | head -c 5000000', 'exit 3');
    const missing: HookDeed = { type: 'program', argv: ['/nonexistent/page'] };
    const ports = portsOf();
    const runner = new HookRunner([hook(flood.deed), hook(missing)], ports, PATIENT);
    runner.fire(alert('a', { text: 'x'.repeat(1_000_000) }));
    await until(() => ports.failures.length === 2);
    expect([...ports.failures].sort()).toEqual([
      'program /nonexistent/page: could not start /nonexistent/page: ENOENT',
      expect.stringMatching(/^program \/\S+: exit 3: [0-9]{1,200}$/),
    ]);
    await runner.close();
  });

  it('is one of two at most that run at once', async () => {
    let running = 0;
    let most = 0;
    const slow = program('sleep 0.05');
    const ports = portsOf({
      async run(options) {
        running += 1;
        most = Math.max(most, running);
        const result = await runProcess(options);
        running -= 1;
        ended += 1;
        return result;
      },
    });
    let ended = 0;
    const runner = new HookRunner(
      [1, 2, 3, 4, 5].map(() => hook(slow.deed)),
      ports,
      PATIENT,
    );
    runner.fire(alert('a'));
    await until(() => ended === 5);
    expect(most).toBe(2);
    await runner.close();
  });

  it('under way when the cockpit closes is given a moment, then ended', async () => {
    const { deed, out } = program('echo $$ > "$out"', 'exec sleep 60');
    const runner = new HookRunner([hook(deed)], portsOf(), PATIENT);
    runner.fire(alert('a'));
    await until(() => existsSync(out) && readFileSync(out, 'utf8') !== '');
    await runner.close();
    expect(() => process.kill(Number(readFileSync(out, 'utf8')), 0)).toThrow();
  });
});

describe('closing', () => {
  it('tells what still waited for its time', async () => {
    const clock = manualClock(NIGHT);
    const { deed, out } = program('cat >> "$out"');
    const runner = new HookRunner([hook(deed)], portsOf({ clock }), PATIENT);
    runner.fire(alert('a'));
    for (const id of ['b', 'c']) runner.fire(alert(id));
    await runner.close();
    const rows = readFileSync(out, 'utf8').trim().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { count: number }).count).sort()).toEqual([1, 2]);
  });
});

describe('a webhook', () => {
  const secretHeader = { name: 'Authorization', variable: 'API_TOKEN', prefix: 'Bearer ' };

  it('is posted the event with its secret header', async () => {
    const { url, asked } = await server((response) => response.end('ok'));
    const runner = new HookRunner([hook({ type: 'webhook', url, secretHeader })], portsOf(), PATIENT);
    runner.fire(alert('a'));
    await until(() => asked.length === 1);
    expect(asked[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: `Bearer ${SECRET}`,
    });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ id: 'a', count: 1 });
    await runner.close();
  });

  it.each([
    [
      'an error of the server',
      (response: ServerResponse) => response.writeHead(500).end(SECRET),
      2,
      'HTTP 500',
    ],
    ['no answer in time', () => {}, 2, 'no answer in 400 ms'],
    [
      'a broken connection',
      (response: ServerResponse) => response.destroy(),
      2,
      'the server closed the connection',
    ],
    ['a refusal', (response: ServerResponse) => response.writeHead(403).end(), 1, 'HTTP 403'],
    [
      'a plea for an hour of patience',
      (response: ServerResponse) => response.writeHead(429, { 'retry-after': '3600' }).end(),
      1,
      'HTTP 429',
    ],
    [
      'a redirection, which could carry the secret elsewhere',
      (response: ServerResponse) => response.writeHead(302, { location: '/else' }).end(),
      1,
      'HTTP 302, not followed',
    ],
  ])(
    'that meets %s is tried so often and no more, and told without its secret path',
    async (_what, answer, times, said) => {
      const { url, asked } = await server(answer);
      const ports = portsOf();
      const runner = new HookRunner([hook({ type: 'webhook', url })], ports, QUICK);
      runner.fire(alert('a'));
      await until(() => ports.failures.length === 1);
      expect(asked).toHaveLength(times);
      expect(ports.failures[0]).toBe(`webhook ${new URL(url).origin}: ${said}`);
      await runner.close();
    },
  );

  it('succeeds at its second try without a word', async () => {
    const { url, asked } = await server((response, count) =>
      response.writeHead(count === 1 ? 503 : 200).end(),
    );
    const ports = portsOf();
    const runner = new HookRunner([hook({ type: 'webhook', url })], ports, PATIENT);
    runner.fire(alert('a'));
    await until(() => asked.length === 2);
    await runner.close();
    expect(ports.failures).toEqual([]);
  });

  it('is told when nobody listens, and when its key is not set', async () => {
    const { url } = await server(() => {});
    const origin = new URL(url).origin.replace(/\d+$/, '1');
    const ports = portsOf({ secret: () => undefined });
    const hooks = [
      hook({ type: 'webhook', url: `${origin}/x` }),
      hook({ type: 'webhook', url, secretHeader }),
    ];
    const runner = new HookRunner(hooks, ports, PATIENT);
    runner.fire(alert('a'));
    await until(() => ports.failures.length === 2);
    expect([...ports.failures].sort()).toEqual(
      [
        `webhook ${origin}: connection refused: nothing listens there`,
        `webhook ${new URL(url).origin}: the variable API_TOKEN is not set`,
      ].sort(),
    );
    await runner.close();
  });
});

describe('firing', () => {
  it('is for the events, systems and severities a hook names', () => {
    const wants = (more: Partial<Hook>, event: Alert): boolean => {
      const ports = portsOf();
      new HookRunner([hook({ type: 'bell' }, more)], ports).fire(event);
      return ports.rings.length === 1;
    };
    expect(wants({}, alert('a'))).toBe(true);
    expect(wants({ on: ['act'] }, alert('a'))).toBe(false);
    expect(wants({ systems: ['openclaw'] }, alert('a'))).toBe(false);
    expect(wants({ severity: 'fatal' }, alert('a', { severity: 'error' }))).toBe(false);
    expect(wants({}, alert('a', { isOld: true }))).toBe(false);
    expect(wants({ atStart: true }, alert('a', { isOld: true }))).toBe(true);
    expect(wants({ on: ['deadline'] }, alert('a', { on: 'deadline', withinMs: 60_000 }))).toBe(false);
    expect(wants({ on: ['deadline'] }, alert('a', { on: 'deadline', withinMs: 900_000 }))).toBe(true);
  });

  it('happens once for all cockpits of a host, while each rings for itself', async () => {
    const directory = temporaryDirectory();
    const { deed, out } = program('cat >> "$out"');
    const cockpits = [1, 2, 3].map(() => {
      const store = openHostStore({ directory, now: NIGHT });
      onTestFinished(() => store.close());
      const ports = portsOf({ claim: store.alertClaims.claim });
      return { ports, runner: new HookRunner([hook(deed), hook({ type: 'bell' })], ports, PATIENT) };
    });
    for (const { runner } of cockpits) runner.fire(alert('a'));
    await until(() => existsSync(out) && readFileSync(out, 'utf8').endsWith('\n'));
    await Promise.all(cockpits.map(({ runner }) => runner.close()));
    expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(1);
    expect(cockpits.map(({ ports }) => ports.rings)).toEqual([1, 2, 3].map(() => [{ bell: true }]));
  });

  it('goes on without the record when that stays locked: a page that comes twice is better than none', async () => {
    const clock = manualClock(NIGHT);
    let fired = 0;
    const ports = portsOf({
      clock,
      claim() {
        throw new Error('database is locked');
      },
      async run(options) {
        fired += 1;
        return await runProcess({ ...options, argv: ['/bin/true'] });
      },
    });
    const runner = new HookRunner([hook({ type: 'program', argv: ['/bin/true'] })], ports, PATIENT);
    runner.fire(alert('a'));
    expect(fired).toBe(0);
    clock.advance(5_000);
    expect(fired).toBe(1);
    await runner.close();
  });

  it('never comes more often than once in ten seconds and twenty times an hour, and loses no event', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 300 }), (gaps) => {
        const rate = new HookRate();
        const fired: number[] = [];
        let told = 0;
        let now = 0;
        const take = (): void => {
          const event = rate.take(now);
          if (!event) return;
          fired.push(now);
          told += event.count;
        };
        for (const gap of gaps) {
          now += gap;
          rate.add(alert('a'));
          take();
        }
        for (let due = rate.dueAt(); due !== undefined; due = rate.dueAt()) {
          now = Math.max(now, due);
          take();
        }
        expect(told).toBe(gaps.length);
        for (const [index, at] of fired.entries()) {
          if (index >= 1) expect(at - (fired[index - 1] ?? 0)).toBeGreaterThanOrEqual(10_000);
          if (index >= 20) expect(at - (fired[index - 20] ?? 0)).toBeGreaterThanOrEqual(3_600_000);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('folds what comes meanwhile into one event: the worst first, the others with it, all counted', async () => {
    const clock = manualClock(NIGHT);
    const { url, asked } = await server((response) => response.end());
    const runner = new HookRunner([hook({ type: 'webhook', url })], portsOf({ clock }), PATIENT);
    runner.fire(alert('first'));
    await until(() => asked.length === 1);
    for (let count = 0; count < 50; count += 1) runner.fire(alert(`mild-${count}`, { severity: 'error' }));
    runner.fire(alert('worst'));
    await until(() => {
      clock.advance(10_000);
      return asked.length === 2;
    });
    const body = JSON.parse(asked[1]?.body ?? '') as {
      item: string;
      count: number;
      others: { item: string }[];
    };
    expect(body).toMatchObject({ item: 'worst', count: 51 });
    expect(body.others).toHaveLength(20);
    await runner.close();
  });
});
