/**
 * The gate behind which no text of a watched system holds a secret: entities, log records, sources. What acts look at
 * stays exact, and so does the digest a decision is bound to.
 */
import type { Masker } from '../acts/mask.ts';
import { endsKey, entersKey, isKeyLine, LONGEST_KEY } from '../acts/private-key.ts';
import { MASK } from '../acts/secret-rules.ts';
import type { EntityDiff } from '../domain/diff.ts';
import { type Entity, entityKey } from '../domain/entity.ts';
import type { LogRecord } from '../domain/log.ts';

/** Fields that things are found by, and told apart. */
const NAMES: ReadonlySet<string> = new Set([
  'id',
  'key',
  'keys',
  'run',
  'issue',
  'subject',
  'group',
  'path',
  'logKeys',
  'logFiles',
]);

/** A line of Base64 may be the rest of a private key. */
const KEY_REST = /(?:^|\s)[A-Za-z0-9+/]{48,}={0,2}\s*$/;

/** The entities of one system as they are told. Those without a secret are the very objects that were derived. */
export class ToldEntities {
  readonly #masker: Masker;
  /** Entities that hold a secret, by key, as they are told. */
  readonly #masked = new Map<string, Entity>();
  #all: ReadonlyMap<string, Entity> = new Map();

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  get all(): ReadonlyMap<string, Entity> {
    return this.#all;
  }

  /** The entity under a name that may be told: whoever asks for it again asks by that. All else stays as it is. */
  named(entity: Entity): Entity {
    const id = this.#masker.name(entity.id);
    return id === entity.id ? entity : { ...entity, id };
  }

  /** Takes in how entities moved, and gives the same with secrets masked. */
  take({ appeared, changed, gone }: EntityDiff, next: ReadonlyMap<string, Entity>): EntityDiff {
    const before = (entity: Entity): Entity => this.#all.get(entityKey(entity)) ?? entity;
    const left = { gone: gone.map(before), changed: changed.map((one) => before(one.before)) };
    for (const entity of gone) this.#masked.delete(entityKey(entity));
    const now = (entity: Entity): Entity => {
      const told = this.#masker.value(entity, NAMES);
      if (told === entity) this.#masked.delete(entityKey(entity));
      else this.#masked.set(entityKey(entity), told);
      return told;
    };
    const told: EntityDiff = {
      appeared: appeared.map(now),
      changed: changed.map(({ after }, index) => ({
        before: left.changed[index] ?? after,
        after: now(after),
      })),
      gone: left.gone,
    };
    this.#all = this.#allOf(next);
    return told;
  }

  #allOf(next: ReadonlyMap<string, Entity>): ReadonlyMap<string, Entity> {
    if (this.#masked.size === 0) return next;
    const all = new Map(next);
    for (const [key, told] of this.#masked) {
      const observedAt = next.get(key)?.observedAt ?? told.observedAt;
      all.set(key, observedAt === told.observedAt ? told : { ...told, observedAt });
    }
    return all;
  }
}

/** Whether a line, read without those before it, may stand inside a private key: it ends in Base64. */
export function isKeyRest(text: string): boolean {
  return KEY_REST.test(text);
}

/** The log records of one system as they are told. A private key is one secret over the lines it was printed on. */
export class ToldRecords {
  readonly #masker: Masker;
  /** Files whose last line stood inside a private key: how many characters of one may still come. */
  readonly #inKey = new Map<string, number>();

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  /** Records of one file, in file order. `isPart`: they begin anywhere in it. */
  take(file: string, records: readonly LogRecord[], isPart = false): readonly LogRecord[] {
    let mayBeKey = isPart;
    return records.map(({ text, ...rest }) => {
      const safe = this.#text(file, text);
      mayBeKey &&= isKeyRest(safe);
      return { ...this.#masker.value(rest, NAMES), text: mayBeKey ? MASK : safe };
    });
  }

  #text(file: string, text: string): string {
    const left = this.#inKey.get(file) ?? 0;
    if (left > 0) {
      const end = endsKey(text);
      if (end !== undefined) {
        this.#inKey.delete(file);
        return `${MASK}${this.#masker.text(text.slice(end))}`;
      }
      if (text.split('\n').every(isKeyLine)) {
        this.#inKey.set(file, left - text.length);
        return MASK;
      }
      this.#inKey.delete(file);
    }
    const masked = this.#masker.text(text);
    if (masked !== text && entersKey(text)) this.#inKey.set(file, LONGEST_KEY);
    return masked;
  }
}
