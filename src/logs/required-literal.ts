/** Shorter ones are in too many lines to be of use. */
const LEAST_BYTES = 3;
const PLAIN = /[\w \-/:,;=@#%&!"'<>~`]/;
const QUANTIFIER = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/;

/** Text that each match of an expression holds. */
export interface RequiredLiteral {
  readonly text: string;
  /** In any case of its ASCII letters. */
  readonly ignoreCase: boolean;
}

/**
 * The longest run of plain ASCII characters that every match of an expression holds as it stands, so that lines can be
 * looked for by it first. Undefined where there is none, or none that is told without doubt: alternatives, short runs.
 */
export function requiredLiteral({ source, ignoreCase }: RegExp): RequiredLiteral | undefined {
  let best = '';
  let run = '';
  const end = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  for (let at = 0; at < source.length; ) {
    const char = source[at] ?? '';
    let taken: string | undefined;
    let next = at + 1;
    if (char === '|') return undefined;
    if (char === '(' || char === '[') {
      next = behindBracket(source, at);
      if (next === -1) return undefined;
    } else if (char === '\\') {
      const escaped = source[at + 1] ?? '';
      next = at + 2;
      if (/[.*+?^${}()|[\]\\/-]/.test(escaped)) taken = escaped;
      // \\x41, \\u{41}, \\p{L}, \\k<name>, \\cA: what follows belongs to it.
      else if (/[xupPkc]/.test(escaped)) return undefined;
    } else if (PLAIN.test(char)) taken = char;
    // With the flags `iu`, k and s stand for a letter outside ASCII too.
    if (taken !== undefined && ignoreCase && /[ks]/i.test(taken)) taken = undefined;
    const quantifier = QUANTIFIER.exec(source.slice(next));
    if (quantifier) {
      const isOnce = quantifier[0].startsWith('+') || Number(quantifier[1] ?? 0) >= 1;
      if (taken !== undefined && isOnce) run += taken;
      end();
      at = next + quantifier[0].length;
      continue;
    }
    if (taken === undefined) end();
    else run += taken;
    at = next;
  }
  end();
  return best.length < LEAST_BYTES ? undefined : { text: best, ignoreCase };
}

/** Place behind the bracket that closes what opens at `at`, or -1. */
function behindBracket(source: string, at: number): number {
  let depth = 0;
  let isClass = false;
  for (let place = at; place < source.length; place += 1) {
    const char = source[place];
    if (char === '\\') place += 1;
    else if (isClass) {
      if (char !== ']') continue;
      isClass = false;
      if (depth === 0) return place + 1;
    } else if (char === '[') isClass = true;
    else if (char === '(') depth += 1;
    else if (char === ')') {
      depth -= 1;
      if (depth === 0) return place + 1;
    }
  }
  return -1;
}
