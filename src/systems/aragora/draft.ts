import type { Evidence, SystemId } from '../../domain/entity.ts';
import { type Instant, toIso } from '../../domain/instant.ts';
import { getNumber, getString, type Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';

/** Collects the instants at which a rule would fire by time alone. */
export class DueTimes {
  readonly #now: Instant;
  #next: Instant | undefined;
  constructor(now: Instant) {
    this.#now = now;
  }
  /** True when `at` has come; else it is noted as an instant at which something changes. */
  isPast(at: Instant): boolean {
    if (at <= this.#now) return true;
    if (this.#next === undefined || at < this.#next) this.#next = at;
    return false;
  }
  get next(): Instant | undefined {
    return this.#next;
  }
}

/** The part every entity of this system has; as fresh as the newest of the files it rests on. */
export function entityBase(
  scene: Scene,
  id: string,
  ...files: readonly (FileFacts | undefined)[]
): { system: SystemId; id: string; observedAt: Instant } {
  let newest: Instant | undefined;
  for (const file of files) {
    if (file && (newest === undefined || file.readAt > newest)) newest = file.readAt;
  }
  return { system: scene.located.system, id, observedAt: newest ?? scene.processesAt };
}

/** Evidence at a fact's offset and time, with `text` in place of what the fact quotes. */
export function evidenceOf(file: FileFacts, fact?: Json, text?: string): Evidence {
  const offset = getNumber(fact, 'offset');
  const at = instantOf(fact, 'at') ?? (fact === undefined ? file.modifiedAt : undefined);
  const quoted = text ?? getString(fact, 'text');
  return {
    source: file.source,
    ...(file.source.startsWith('api.') ? { url: file.path } : { path: file.path }),
    ...(offset === undefined ? {} : { offset }),
    ...(quoted === undefined ? {} : { text: quoted }),
    ...(at === undefined ? {} : { at }),
  };
}

/** Evidence that is there, in order; nothing for what is missing. */
export function trailOf(...evidence: readonly (Evidence | undefined)[]): readonly Evidence[] {
  return evidence.filter((one): one is Evidence => one !== undefined);
}

/** Texts that are there, in order. */
export function textsOf(...texts: readonly (string | false | undefined)[]): readonly string[] {
  return texts.filter((one): one is string => typeof one === 'string' && one !== '');
}

/** `03:14:07Z`, the day before it when it is another than today's. Absolute: a text with an age in it never rests. */
export function clockText(at: Instant, now: Instant): string {
  const iso = toIso(at);
  const time = `${iso.slice(11, 19)}Z`;
  return iso.slice(0, 10) === toIso(now).slice(0, 10) ? time : `${iso.slice(5, 10)} ${time}`;
}

/** `1 issue`, `2 issues`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The first line of a text, cut to `length` characters. */
export function firstLine(text: string, length: number): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** `90s`, `30m`, `1h30m`: a budget as an operator says it. */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}h${rest === 0 ? '' : String(rest).padStart(2, '0').concat('m')}`;
}
