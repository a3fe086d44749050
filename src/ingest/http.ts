import type { SourceStatus } from '../domain/source.ts';
import { askHttp, type HttpAnswer } from '../host/http.ts';
import { LONGEST_PAUSE_MS, type RateBudget, rateBudget } from './rate-budget.ts';
import { gate, type ReaderContext, type SourceReader, type SpecOf, StatusKeeper } from './reader.ts';

const TIMEOUT_MS = 5000;
/** A verb waits for a server no longer than this. */
const SETTLE_MS = 2000;
const LONGEST_BACKOFF_MS = 60_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Requests a minute to a host where its kind names no limit of its own. */
const DEFAULT_PER_MINUTE = 60;
/** A server that refuses and does not say for how long counts by the minute. */
const UNTOLD_PAUSE_MS = 60_000;
/** Clocks that are less apart agree: ages are told in whole seconds. */
const CLOCKS_APART_MS = 2000;
/** A timer set for longer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** An `http` source: a URL asked every so often, less often while it fails. */
export function httpReader(spec: SpecOf<'http'>, context: ReaderContext): SourceReader {
  return new HttpReader(spec, context);
}

class HttpReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly #spec: SpecOf<'http'>;
  readonly #context: ReaderContext;
  readonly #url: string | undefined;
  #clockAheadMs = 0;
  readonly #budget: RateBudget | undefined;
  readonly #keeper: StatusKeeper;
  readonly #gate = gate();
  readonly #giveUp = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #failures = 0;
  #told = false;

  constructor(spec: SpecOf<'http'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.#url = joinUrl(context.options.url, spec.path);
    const host = this.#url === undefined ? undefined : new URL(this.#url).host;
    this.#budget = host === undefined ? undefined : rateBudget(host, context.options.budgetDir);
    this.#keeper = new StatusKeeper(spec, this.#url ?? spec.path);
    this.settled = this.#gate.opened;
  }

  start(): void {
    if (this.#url === undefined) {
      const given = this.#context.options.url;
      this.#keeper.set(
        'off',
        given === undefined
          ? 'no server is named: add url=http://... to the system'
          : `not a web address: ${given}`,
      );
      this.#gate.open();
      return;
    }
    // What settles a verb's first look is also what bounds it.
    const bound = setTimeout(() => {
      // On a busy host the request's own deadline may come later: a verb tells what it knows by now.
      if (this.#context.options.once && !this.#told) {
        this.#keeper.set('stale', `no answer in ${SETTLE_MS / 1000} s`);
        this.#context.touched();
      }
      this.#gate.open();
    }, SETTLE_MS);
    if (!this.#context.options.once) bound.unref();
    void this.settled.then(() => clearTimeout(bound));
    void this.#ask();
  }

  async refresh(): Promise<void> {
    if (this.#url === undefined || this.#giveUp.signal.aborted) return;
    clearTimeout(this.#timer);
    await this.#ask();
  }

  status(): SourceStatus {
    const status = this.#keeper.status();
    return Math.abs(this.#clockAheadMs) < CLOCKS_APART_MS
      ? status
      : { ...status, clockAheadMs: this.#clockAheadMs };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#giveUp.abort();
    await this.#asking;
    this.#gate.open();
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#exchange(this.#url ?? '').finally(() => {
      this.#asking = undefined;
      this.#gate.open();
      this.#context.touched();
    });
    return this.#asking;
  }

  async #exchange(url: string): Promise<void> {
    const { options } = this.#context;
    const perMinute = this.#spec.perMinute ?? DEFAULT_PER_MINUTE;
    const taken = this.#budget?.take(perMinute);
    if (taken && !taken.allowed) {
      this.#keeper.set(
        'limited',
        taken.why === 'paused'
          ? `the server asked for a pause; asked again in ${Math.ceil(taken.retryInMs / 1000)} s`
          : `its limit of ${perMinute} requests a minute is used up; asked again then`,
      );
      this.#next(taken.retryInMs);
      return;
    }
    const secret = this.#spec.secretHeader;
    const value = secret === undefined ? undefined : options.secret(secret.variable);
    const key = secret && value !== undefined ? { [secret.name]: `${secret.prefix ?? ''}${value}` } : {};
    const timeoutMs = this.#spec.timeoutMs ?? TIMEOUT_MS;
    const answer = await askHttp({
      method: 'GET',
      url,
      headers: { accept: 'application/json', ...this.#spec.headers, ...key },
      timeoutMs: options.once ? Math.min(timeoutMs, SETTLE_MS) : timeoutMs,
      maxBytes: MAX_BODY_BYTES,
      signal: this.#giveUp.signal,
    });
    if (this.#giveUp.signal.aborted) return;
    this.#take(url, answer, secret !== undefined && value === undefined ? secret.variable : undefined);
  }

  #take(url: string, answer: HttpAnswer, missingVariable: string | undefined): void {
    const at = this.#context.options.clock.now();
    const { status } = answer;
    this.#clockAheadMs = answer.clockAheadMs ?? this.#clockAheadMs;
    const isAccepted = status !== undefined && this.#spec.accepts?.includes(status) === true;
    const good =
      answer.error === undefined && status !== undefined && ((status >= 200 && status < 300) || isAccepted);
    this.#failures = good ? 0 : this.#failures + 1;
    const error =
      answer.error ?? (answer.truncated ? `answer longer than ${MAX_BODY_BYTES} bytes` : undefined);
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path: url,
      chunk: {
        type: 'http',
        ...(status === undefined ? {} : { status, body: answer.body }),
        ...(error === undefined ? {} : { error }),
        latencyMs: answer.latencyMs,
        failures: this.#failures,
      },
      at,
      fresh: !this.#told,
    });
    this.#told = true;
    if (good) {
      this.#keeper.items = 1;
      this.#keeper.lastReadAt = at;
      this.#keeper.changed(at);
      this.#keeper.set(answer.truncated ? 'error' : 'fresh', answer.truncated ? error : undefined);
    } else if (status === undefined) this.#keeper.set('stale', `${error} (${this.#failures} in a row)`);
    else if (answer.error !== undefined)
      this.#keeper.set('error', `answered ${status}, and then: ${answer.error}`);
    else this.#keeper.set('error', explainStatus(status, this.#spec.secretHeader?.variable, missingVariable));
    const pause = pauseWanted(answer);
    // The other paths of this host, and other cockpits, keep to it too.
    if (pause > 0) this.#budget?.pause(pause);
    this.#next(Math.max(pause, backOff(this.#spec.everyMs, this.#failures)));
  }

  #next(ms: number): void {
    if (this.#context.options.once || this.#giveUp.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), Math.min(ms, LONGEST_TIMER_MS));
    this.#timer.unref();
  }
}

/** Milliseconds to the next request: the usual, doubled with each failure up to a minute. */
export function backOff(everyMs: number, failures: number): number {
  if (failures <= 1) return everyMs;
  return Math.max(everyMs, Math.min(LONGEST_BACKOFF_MS, everyMs * 2 ** Math.min(failures - 1, 16)));
}

/** Milliseconds a server wants to be left alone: what it says (RFC 9110, Retry-After), else a minute after a 429. */
function pauseWanted({ status, retryAfterMs }: HttpAnswer): number {
  const wanted = retryAfterMs ?? (status === 429 ? UNTOLD_PAUSE_MS : 0);
  return Math.min(wanted, LONGEST_PAUSE_MS);
}

function joinUrl(base: string | undefined, path: string): string | undefined {
  if (/^https?:\/\//.test(path)) return URL.canParse(path) ? path : undefined;
  if (base === undefined) return undefined;
  const joined = `${base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  return URL.canParse(joined) && /^https?:/.test(joined) ? joined : undefined;
}

/** What an answer that is none means, and what to do about it. */
function explainStatus(
  status: number,
  variable: string | undefined,
  missingVariable: string | undefined,
): string {
  const told = `answered ${status}`;
  if (status === 401 || status === 403) {
    if (missingVariable !== undefined) return `${told}: set ${missingVariable} to the API key`;
    return variable === undefined
      ? `${told}: it wants a key here, and this system sends none; is it the server of the url?`
      : `${told}: the key is not accepted; see what ${variable} holds`;
  }
  if (status === 404) return `${told}: no such address there; is it the server of the url, and its version?`;
  if (status === 429) return `${told}: asked too often, asked less from now on`;
  if (status >= 500) return `${told}: the server fails inside; its own log says why`;
  return told;
}
