import { addMs, type Instant } from '../../domain/instant.ts';
import type { Json } from '../../lib/json.ts';
import { fieldAt, fillTemplate, instantOf } from './field.ts';
import { type Condition, durationMs, type ValueTest, type ValueTests } from './words.ts';

/** How much of a value a described pattern may look at: it meets hostile texts. */
const MATCHED_LENGTH = 2_000;

/** What a condition is asked of. */
export interface Subject {
  readonly value: Json;
  /** The status it has here. */
  readonly status?: string;
  /** Whether its process lives, where it names one. */
  readonly alive?: boolean;
  readonly now: Instant;
  /** Zone of times without one. */
  readonly zone: string;
  /** Parameters an expected value may name. */
  readonly params?: Json;
}

/** Whether a condition holds; since when, and when it would begin to hold by itself, where a time decides. */
export interface Holds {
  readonly holds: boolean;
  readonly since?: Instant;
  readonly due?: Instant;
}

/** Asks a condition. A part that fails hides those after it. */
export function holdsFor(condition: Condition, subject: Subject): Holds {
  const { status, where, silent, passed, alive } = condition;
  if (status && !status.includes(subject.status ?? 'unknown')) return { holds: false };
  if (where && !fits(where, subject)) return { holds: false };
  if (alive !== undefined && subject.alive !== alive) return { holds: false };
  let since: Instant | undefined;
  if (silent) {
    since = instantOf(fieldAt(subject.value, silent.field), subject.zone);
    const due = since === undefined ? undefined : addMs(since, durationMs(silent.for));
    if (due !== undefined && due > subject.now) return { holds: false, due };
  }
  if (passed !== undefined) {
    const at = instantOf(fieldAt(subject.value, passed), subject.zone);
    if (at === undefined) return { holds: false };
    if (at > subject.now) return { holds: false, due: at };
    since = at;
  }
  return since === undefined ? { holds: true } : { holds: true, since };
}

/** Whether the values of a record are as wanted. */
export function fits(tests: ValueTests, subject: Pick<Subject, 'value' | 'zone' | 'params'>): boolean {
  return Object.entries(tests).every(([path, test]) => fitsOne(test, fieldAt(subject.value, path), subject));
}

function fitsOne(
  test: ValueTest,
  found: Json | undefined,
  subject: Pick<Subject, 'value' | 'zone' | 'params'>,
): boolean {
  if (test === null || typeof test !== 'object') return isSame(test, found, subject);
  if (Array.isArray(test)) return test.some((one) => isSame(one, found, subject));
  const { above, below, not, matches, missing } = test as Exclude<ValueTest, Json>;
  const isMissing = found === undefined || found === null || found === '';
  if (missing !== undefined && isMissing !== missing) return false;
  if (not !== undefined && (Array.isArray(not) ? not : [not]).some((one) => isSame(one, found, subject)))
    return false;
  if (
    matches !== undefined &&
    (isMissing || !patternOf(matches).test(String(found).slice(0, MATCHED_LENGTH)))
  )
    return false;
  if (above === undefined && below === undefined) return true;
  const amount = amountOf(found, subject.zone);
  const bound = (given: number | string): number | undefined =>
    typeof given === 'number' ? given : amountOf(fieldAt(subject.value, given), subject.zone);
  if (amount === undefined) return false;
  const low = above === undefined ? undefined : bound(above);
  const high = below === undefined ? undefined : bound(below);
  return (
    (above === undefined || (low !== undefined && amount > low)) &&
    (below === undefined || (high !== undefined && amount < high))
  );
}

function isSame(
  wanted: string | number | boolean | null,
  found: Json | undefined,
  { params }: Pick<Subject, 'params'>,
): boolean {
  if (wanted === null) return found === null || found === undefined;
  const text = typeof wanted === 'string' && params !== undefined ? fillTemplate(wanted, { params }) : wanted;
  // A description says 0 where a program prints "0": YAML knows the difference, its reader seldom means it.
  return typeof found !== 'object' && found !== undefined && String(text) === String(found);
}

function amountOf(found: Json | undefined, zone: string): number | undefined {
  if (typeof found === 'number') return found;
  if (typeof found !== 'string') return undefined;
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(found) ? Number(found) : instantOf(found, zone);
}

const patterns = new Map<string, RegExp>();

function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (!pattern) {
    pattern = new RegExp(source, 'u');
    patterns.set(source, pattern);
  }
  return pattern;
}
