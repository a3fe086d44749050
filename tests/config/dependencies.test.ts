/** Dependencies of a system, whatever its kind: real servers of this host, a real disk, a variable. */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dependenciesOf, type WrittenDependencies } from '../../src/config/dependencies.ts';
import { withDependencies } from '../../src/config/dependency-kind.ts';
import { checkConfig } from '../../src/config/load.ts';
import { kindsOf } from '../../src/config/systems.ts';
import type { Service } from '../../src/domain/entity.ts';
import { type Instant, instant } from '../../src/domain/instant.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { fixedClock, systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import { describedKind } from '../systems/custom/described.ts';
import { layOutCase, locateCase } from '../systems/fixture-case.ts';

const open: Server[] = [];
const listening = async (server: Server): Promise<number> => {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
/** A port nobody listens on. */
const closedPort = async (): Promise<number> => {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

let http = 0;
let laid: Awaited<ReturnType<typeof layOutCase>>;
beforeAll(async () => {
  laid = await layOutCase('custom', 'queue');
  http = await listening(
    createHttpServer((request, response) => {
      const [status, body] = {
        '/tags': [200, '{"models":[{"name":"large-4"}]}'],
        '/key': [401, ''],
        '/busy': [429, ''],
      }[request.headers.authorization === 'Bearer right' ? '/tags' : (request.url ?? '')] ?? [503, 'loading'];
      response.writeHead(status as number).end(body);
    }),
  );
});
afterAll(async () => {
  laid.remove();
  for (const server of open) server.close();
});

/** The services its dependencies make, after one look. */
async function look(
  written: WrittenDependencies,
  more: { readonly at?: Instant; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Record<string, Service>> {
  const kind = withDependencies(describedKind('queue'));
  const located = locateCase(kind, laid.dir, {
    ...laid.case,
    settings: { dependencies: dependenciesOf(written) },
  });
  const watch = new SystemWatch(kind, located, {
    clock: more.at === undefined ? systemClock() : fixedClock(more.at),
    logs: new LogStore(),
    once: true,
    makePump: createPump,
    secret: (_located, name) => more.env?.[name],
    onChange: () => {},
    onStatus: () => {},
  });
  try {
    await watch.start();
    const entities = [...watch.entities.values()];
    // The kind's own entities are there as without dependencies.
    expect(entities.filter(({ type }) => type === 'job')).toHaveLength(5);
    const services = entities.filter(
      (entity): entity is Service => entity.type === 'service' && entity.id.startsWith('needs.'),
    );
    return Object.fromEntries(services.map((service) => [service.id.slice('needs.'.length), service]));
  } finally {
    await watch.close();
  }
}

const told = (service: Service | undefined): string => `${service?.status}: ${service?.detail}`;

describe.concurrent('what a system needs', () => {
  it('is up when its server answers, names the model, and takes the key', async () => {
    const { model, keyed } = await look(
      {
        model: { type: 'http', url: `http://127.0.0.1:${http}/tags`, contains: 'large-4', slow: '60s' },
        keyed: {
          type: 'http',
          url: `http://127.0.0.1:${http}/key`,
          slow: '60s',
          'secret-header': { name: 'Authorization', env: 'MODEL_KEY', prefix: 'Bearer ' },
        },
      },
      { env: { MODEL_KEY: 'right' } },
    );
    expect(told(model)).toMatch(/^up: HTTP 200 in \d+ ms$/);
    expect(told(keyed)).toMatch(/^up: /);
    expect(model?.attention).toBeUndefined();
    expect(model?.evidence).toEqual({ source: 'needs.model', url: `http://127.0.0.1:${http}/tags` });
  });

  it('is degraded when it refuses us or lacks the model, and down when it fails or gives no answer', async () => {
    const url = (path: string): string => `http://127.0.0.1:${http}${path}`;
    const { lacks, refuses, fails, gone } = await look({
      lacks: { type: 'http', url: url('/tags'), contains: 'large-5' },
      refuses: { type: 'http', url: url('/key') },
      fails: { type: 'http', url: url('/other') },
      gone: { type: 'http', url: `http://127.0.0.1:${await closedPort()}/` },
    });
    expect(told(lacks)).toBe('degraded: its answer does not name large-5');
    expect(told(refuses)).toBe('degraded: HTTP 401: the key is not accepted');
    expect(told(fails)).toBe('down: HTTP 503');
    expect(told(gone)).toMatch(/^down: connection refused/);
    expect(gone?.attention).toMatchObject({ rank: 4, label: 'DOWN', tells: ['needs.gone'] });
  });

  it('is a port that takes connections, or one where nobody listens', async () => {
    const port = await listening(createServer((socket) => socket.end()));
    const { cache, lost, strange } = await look({
      cache: { type: 'tcp', address: `127.0.0.1:${port}`, slow: '60s' },
      lost: { type: 'tcp', address: `127.0.0.1:${await closedPort()}` },
      strange: { type: 'tcp', address: 'no-such-host.invalid:1' },
    });
    expect(told(cache)).toMatch(/^up: answers in \d+ ms$/);
    expect(told(lost)).toBe('down: connection refused');
    expect(told(strange)).toMatch(/^down: (the host name|no answer)/);
  });

  it('is room on a disk: what is left decides, and a path that is not there is unknown', async () => {
    const { roomy, tight, full, nowhere } = await look({
      roomy: { type: 'disk', path: laid.dir, warn: '0%', full: '0%' },
      tight: { type: 'disk', path: laid.dir, warn: '999999T', full: '0%' },
      full: { type: 'disk', path: laid.dir, warn: '999999T', full: '999999T' },
      nowhere: { type: 'disk', path: '/no/such/place' },
    });
    expect([roomy?.status, tight?.status, full?.status]).toEqual(['up', 'degraded', 'down']);
    expect(roomy?.detail).toMatch(/^\d+\.\d GiB free of \d+\.\d \(\d+\.\d %\)/);
    expect(told(nowhere)).toMatch(/^unknown: .*no such file/i);
    expect(nowhere?.attention).toBeUndefined();
  });

  it('is a key that is set and does not expire yet; its value is nowhere', async () => {
    const at = instant(Date.parse('2026-03-01T03:00:00Z'));
    const services = await look(
      {
        there: { type: 'key', env: 'MODEL_KEY', expires: '2026-06-01' },
        soon: { type: 'key', env: 'MODEL_KEY', expires: '2026-03-08' },
        over: { type: 'key', expires: '2026-03-01' },
        unset: { type: 'key', env: 'OTHER_KEY' },
      },
      { at, env: { MODEL_KEY: 'sk-very-secret-value', OTHER_KEY: '' } },
    );
    expect(told(services['there'])).toBe('up: it is set, it expires 2026-06-01');
    expect(told(services['soon'])).toBe('degraded: it is set, it expires 2026-03-08');
    expect(services['soon']?.attention?.until).toBe(instant(Date.parse('2026-03-08T00:00:00Z')));
    expect(told(services['over'])).toBe('down: it expired 2026-03-01');
    expect(told(services['unset'])).toBe('down: OTHER_KEY is not set, here nor in the env-file');
    expect(JSON.stringify(services)).not.toContain('very-secret');
  });

  it('changes by itself when a key comes near its end', () => {
    const kind = withDependencies(describedKind('queue'));
    const written = dependenciesOf({ key: { type: 'key', expires: '2026-03-20', warn: '7d' } });
    const located = locateCase(kind, laid.dir, { ...laid.case, settings: { dependencies: written } });
    const facts = { files: () => [], status: () => undefined };
    const derive = (at: string) => {
      const now = instant(Date.parse(at));
      return kind.derive({ located, facts, processes: { readAt: now, processes: [] }, now });
    };
    expect(derive('2026-03-01').nextInstant).toBe(Date.parse('2026-03-13'));
    expect(derive('2026-03-14').nextInstant).toBe(Date.parse('2026-03-20'));
    expect(derive('2026-03-21').nextInstant).toBeUndefined();
  });
});

describe('dependencies in the configuration', () => {
  const mistakeIn = (dependency: string): string => {
    try {
      checkConfig(
        `systems:\n  - kind: orket\n    root: /srv\n    dependencies:\n      model: ${dependency}\n`,
        'c.yaml',
      );
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };

  it('belong to every kind', async () => {
    for (const kind of await kindsOf({}, { path: undefined }))
      expect(Object.keys(kind.parsers)).toContain('needs.');
  });

  it.each([
    [
      '{ type: ping }',
      'c.yaml:5: systems.0.dependencies.model.type: one of these is wanted: http, tcp, disk, key',
    ],
    [
      '{ type: http, url: "file:///etc/passwd" }',
      'c.yaml:5: systems.0.dependencies.model.url: an http or https address',
    ],
    ['{ type: tcp, address: localhost }', 'HOST:PORT is wanted'],
    ['{ type: disk, path: srv }', 'an absolute path is wanted'],
    ['{ type: disk, path: /srv, warn: few }', 'a share such as 10%'],
    ['{ type: key, expires: soon }', 'a day or a time is wanted'],
    ['{ type: key, env: "A B" }', 'the name of an environment variable is wanted'],
    ['{ type: key, value: sk-1 }', 'model.value: is no key'],
    ['{ type: tcp, address: "127.0.0.1:1" }', 'accepted'],
  ])('%s is named by line', (dependency, message) => {
    expect(mistakeIn(dependency)).toContain(message);
  });
});
