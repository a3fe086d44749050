import type { IncomingMessage } from 'node:http';
import { messageOf } from '../domain/error.ts';

export interface HttpAsk {
  readonly method: string;
  readonly url: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  /** For the whole exchange: connect, headers and body. */
  readonly timeoutMs: number;
  /** Longest body kept, in bytes. Default 4 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Outcome of one request; exactly one of `status` and `error` tells whether there was an answer. */
export interface HttpAnswer {
  readonly status?: number;
  readonly body: string;
  /** The body was longer than the cap and only its beginning is here. */
  readonly truncated: boolean;
  readonly latencyMs: number;
  readonly error?: string;
  /** Milliseconds the server asked us to wait (`Retry-After`). */
  readonly retryAfterMs?: number;
  /**
   * By how much its clock is ahead of ours at least, as its `Date` tells; below zero it is behind. 0: no more apart than
   * the whole seconds of `Date` and the time of the exchange allow.
   */
  readonly clockAheadMs?: number;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_REDIRECTS = 3;

/**
 * One request without a shared connection pool (an idle socket of ours would count against the watched server). Never
 * rejects. A redirect is followed for GET and HEAD to the same origin only: a key in a header must not travel elsewhere.
 */
export async function askHttp(ask: HttpAsk): Promise<HttpAnswer> {
  const started = performance.now();
  const deadline = started + ask.timeoutMs;
  let url: URL;
  try {
    url = new URL(ask.url);
  } catch {
    return { body: '', truncated: false, latencyMs: 0, error: `not a URL: ${ask.url}` };
  }
  for (let hop = 0; ; hop += 1) {
    const answer = await askOnce(url, ask, Math.max(1, deadline - performance.now()));
    const latencyMs = Math.round(performance.now() - started);
    const { location, ...rest } = answer;
    const redirects = location !== undefined && /^(GET|HEAD)$/.test(ask.method);
    if (!redirects || rest.error !== undefined) return { ...rest, latencyMs };
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
    if (next === undefined || next.origin !== url.origin || hop >= MAX_REDIRECTS) {
      return { ...rest, latencyMs, error: `redirected to ${location}, not followed` };
    }
    url = next;
  }
}

type OneAnswer = Omit<HttpAnswer, 'latencyMs'> & { readonly location?: string };

function askOnce(url: URL, ask: HttpAsk, timeoutMs: number): Promise<OneAnswer> {
  return new Promise((resolve) => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      resolve({ body: '', truncated: false, error: `not an http address: ${url.protocol}` });
      return;
    }
    let settled = false;
    const settle = (answer: OneAnswer): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      ask.signal?.removeEventListener('abort', abort);
      resolve(answer);
      // A server that goes on sending after the cap or the deadline is cut off.
      request?.destroy();
    };
    const fail = (error: string): void => settle({ body: '', truncated: false, error });
    const abort = (): void => fail('given up');
    const timer = setTimeout(() => fail(`no answer in ${formatMs(ask.timeoutMs)}`), timeoutMs);
    let request: ReturnType<typeof import('node:http').request> | undefined;
    if (ask.signal?.aborted) return abort();
    ask.signal?.addEventListener('abort', abort);
    try {
      // Loaded when it is wanted: by an import statement Node would load a second client of HTTP with it.
      const { request: start } = process.getBuiltinModule(
        url.protocol === 'https:' ? 'node:https' : 'node:http',
      );
      const sentAt = Date.now();
      const length = ask.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(ask.body)) };
      request = start(
        url,
        { method: ask.method, headers: { ...ask.headers, ...length }, agent: false },
        (response) => readAnswer(response, sentAt, ask.maxBytes ?? MAX_BODY_BYTES, settle),
      );
      request.on('error', (error) => fail(explain(error)));
      request.end(ask.body);
    } catch (error) {
      // Header names or values that node refuses.
      fail(messageOf(error));
    }
  });
}

function readAnswer(
  response: IncomingMessage,
  sentAt: number,
  maxBytes: number,
  settle: (answer: OneAnswer) => void,
): void {
  const clockAheadMs = readClock(response.headers, sentAt, Date.now());
  const parts: Buffer[] = [];
  let size = 0;
  const finish = (truncated: boolean, error?: string): void => {
    const status = response.statusCode;
    const { location } = response.headers;
    const retryAfterMs = readRetryAfter(response.headers['retry-after'], response.headers.date);
    settle({
      ...(status === undefined ? {} : { status }),
      body: Buffer.concat(parts).toString('utf8'),
      truncated,
      ...(error === undefined ? {} : { error }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
      ...(status !== undefined && status >= 300 && status < 400 && location !== undefined
        ? { location }
        : {}),
    });
  };
  response.on('data', (part: Buffer) => {
    const room = maxBytes - size;
    if (room > 0) parts.push(part.length > room ? part.subarray(0, room) : part);
    size += part.length;
    if (size > maxBytes) finish(true);
  });
  response.on('end', () => finish(false));
  response.on('error', (error) => finish(true, explain(error)));
  response.on('aborted', () => finish(true, 'the answer broke off'));
}

/** `Retry-After` as seconds or as a date (RFC 9110), the date taken against the server's own clock. */
function readRetryAfter(value: string | undefined, serverDate: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  if (Number.isNaN(at)) return undefined;
  const server = serverDate === undefined ? Number.NaN : Date.parse(serverDate);
  return Math.max(0, at - (Number.isNaN(server) ? Date.now() : server));
}

/** An answer out of a cache has the time of its making, which says nothing of now. */
function readClock(
  { date, age }: IncomingMessage['headers'],
  sentAt: number,
  receivedAt: number,
): number | undefined {
  const told = date === undefined || age !== undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(told)) return undefined;
  // The second it names was current at some moment between our sending and receiving.
  if (told > receivedAt) return told - receivedAt;
  return Math.min(0, told + 1000 - sentAt);
}

function explain(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return 'connection refused: nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name is not known';
  if (code === 'ECONNRESET') return 'the server closed the connection';
  if (code?.startsWith('HPE_')) return `what answers there speaks no HTTP (${error.message})`;
  return error.message !== '' ? error.message : (code ?? 'failed');
}

function formatMs(ms: number): string {
  return ms >= 1000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms)} ms`;
}
