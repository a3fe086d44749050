/**
 * A real server on the loopback that answers well until it is told otherwise, and a system watched by the real sources.
 * What bad answers have in common is in the table; what must be seen of them each kind says itself.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookInto } from '../../src/config/look.ts';
import type { Entity, EntityOf, EntityType, SystemId } from '../../src/domain/entity.ts';
import type { SourceStatus } from '../../src/domain/source.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import type { CommonSettings, StateView, SystemKind } from '../../src/systems/system.ts';
import { pumpOf } from './acting.ts';

export type BadAnswer = (request: IncomingMessage, response: ServerResponse) => void;

const page = '<!doctype html><html><body><h1>Bad gateway</h1></body></html>';
const LARGE_BYTES = 50 * 1024 * 1024;

function send(status: number, type: string, body: string, headers: object = {}): BadAnswer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(body);
  };
}

const detail = (status: number): BadAnswer =>
  send(status, 'application/json', JSON.stringify({ detail: `as told: ${status}` }));

/** Takes the request and says nothing. */
const silence: BadAnswer = () => {};

/** Name, answer, and what the source has to say. */
export const badAnswers: readonly (readonly [name: string, answer: BadAnswer, said: RegExp])[] = [
  ['a page of a proxy, with 200', send(200, 'text/html', page), /not as|JSON|Unexpected/],
  ['401', detail(401), /answered 401: /],
  ['403', detail(403), /answered 403: /],
  ['404 with a page', send(404, 'text/html', page), /404/],
  ['429 with Retry-After', send(429, 'application/json', '{}', { 'retry-after': '120' }), /429|pause/],
  ['500', detail(500), /answered 500: the server fails inside/],
  ['502 with a page', send(502, 'text/html', page), /answered 502: /],
  [
    'a connection that is reset',
    (_request, response) => void response.socket?.resetAndDestroy(),
    /closed the connection|reset|hang up/,
  ],
  ['silence', silence, /no answer in/],
  [
    'an answer that breaks off',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '4000' });
      response.write('{"status": "ok", "tasks": [{"id": "task_');
      setImmediate(() => response.socket?.end());
    },
    /broke off|aborted/,
  ],
  ['JSON cut in the middle', send(200, 'application/json', '{"status": "ok", "items": [{'), /JSON|not as/],
  ['JSON of another sort', send(200, 'application/json', '[1, 2, 3]'), /not as|JSON object/],
  ['JSON called text', send(200, 'text/plain', 'null'), /not as|JSON object/],
  [
    '50 MB',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const part = Buffer.alloc(1024 * 1024, 0x20);
      let left = LARGE_BYTES;
      const more = (): void => {
        while (left > 0 && !response.destroyed) {
          left -= part.length;
          if (!response.write(part)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    },
    /longer than \d+ bytes/,
  ],
];

/** How long a silent server is waited for. */
const SILENCE_MS = 200;
const PATIENCE_MS = 20_000;

/** One server and one watched system before it. */
export class Answered {
  readonly #server: Server;
  readonly #watches: SystemWatch[] = [];
  readonly #good: BadAnswer;
  #bad: BadAnswer | undefined;
  /** Requests since the answers went bad. */
  asked = 0;

  private constructor(server: Server, good: BadAnswer) {
    this.#server = server;
    this.#good = good;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => {});
      if (this.#bad) this.asked += 1;
      (this.#bad ?? this.#good)(request, response);
    });
  }

  /** `good` is how the program itself answers. */
  static async start(good: BadAnswer): Promise<Answered> {
    const server = createServer();
    const answered = new Answered(server, good);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return answered;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  turn(bad: BadAnswer | undefined): void {
    this.#bad = bad;
    this.asked = 0;
  }

  async watch(kind: SystemKind, dir: string, settings: CommonSettings, once = false): Promise<Watched> {
    const look = lookInto(dir, { PATH: '/nowhere' });
    const located = kind.locate(dir, look, kind.kind as SystemId, {
      timezone: 'UTC',
      url: this.url,
      ...settings,
    });
    const patienceMs = (): number => (this.#bad === silence ? SILENCE_MS : PATIENCE_MS);
    const asked = (spec: IngestSpec): IngestSpec => {
      if (spec.type !== 'http') return spec;
      // Read anew at each request: good answers have all the time a busy machine needs.
      return Object.defineProperty({ ...spec }, 'timeoutMs', { enumerable: true, get: patienceMs });
    };
    const watch = new SystemWatch(kind, located, {
      clock: systemClock(),
      logs: new LogStore(),
      once,
      makePump: pumpOf(asked),
      secret: () => 'the key',
      onChange: () => {},
      onStatus: () => {},
    });
    this.#watches.push(watch);
    await watch.start();
    const watched = new Watched(watch);
    // On a busy machine a look is called settled before the last answer has come.
    while (watched.sources.some(({ type, state }) => type === 'http' && state === 'waiting')) await sleep(5);
    return watched;
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.splice(0)) await watch.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a watched system shows. */
export class Watched {
  readonly #watch: SystemWatch;

  constructor(watch: SystemWatch) {
    this.#watch = watch;
  }

  get view(): StateView {
    return this.#watch.view();
  }

  refresh(): Promise<void> {
    return this.#watch.refresh();
  }

  source(id: string): SourceStatus | undefined {
    return this.#watch.summary().sources.find((one) => one.id === id);
  }

  get sources(): readonly SourceStatus[] {
    return this.#watch.summary().sources;
  }

  get entities(): readonly Entity[] {
    return [...this.#watch.entities.values()];
  }

  entity<T extends EntityType>(type: T, id: string): EntityOf<T> | undefined {
    return this.entities.find((one): one is EntityOf<T> => one.type === type && one.id === id);
  }
}
