/** The secrets this process knows, and the masker that takes them out of whatever leaves it. */
import { createMasker, type Masker } from '../acts/mask.ts';
import { secretValuesOf } from '../acts/secret-values.ts';

interface Knowledge {
  readonly values: Set<string>;
  /** Of the values as they are; made when it is first needed. */
  masker: Masker | undefined;
}

/** One for all bundles in this thread: the launcher reports failures of what it never saw. */
const KNOWLEDGE = Symbol.for('binnacle.secrets');

function knowledge(): Knowledge {
  const shared = globalThis as { [KNOWLEDGE]?: Knowledge };
  shared[KNOWLEDGE] ??= { values: new Set(secretValuesOf(process.env)), masker: undefined };
  return shared[KNOWLEDGE];
}

/** From now on these are masked too. */
export function learnSecrets(values: Iterable<string | undefined>): void {
  const known = knowledge();
  const before = known.values.size;
  for (const value of values) if (value !== undefined) known.values.add(value);
  if (known.values.size !== before) known.masker = undefined;
}

function current(): Masker {
  const known = knowledge();
  known.masker ??= createMasker(known.values);
  return known.masker;
}

/** Knows the secrets of the environment, and those that were learned, also where it was handed on before. */
export const ownMasker: Masker = {
  text: (text) => current().text(text),
  value: (value, names) => current().value(value, names),
  name: (name) => current().name(name),
  stream: (sink) => current().stream(sink),
};
