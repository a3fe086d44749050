/**
 * Reads the import statements of TypeScript source, without a parser of the language: comments, strings, templates and
 * regular expressions are blanked first, so that nothing in them looks like code.
 */

export interface Import {
  /** As written between the quotes. */
  readonly specifier: string;
  /** `type` is gone when the types are stripped; the others are loaded, `dynamic` when the code gets there. */
  readonly kind: 'value' | 'type' | 'dynamic';
  /** Names taken, as the other module calls them; `*` for all. */
  readonly names: readonly string[];
  readonly line: number;
}

/** Source with everything but code blanked. Offsets and line ends stay; strings keep their quotes. */
export interface MaskedSource {
  readonly code: string;
  /** Text of each string, by the offset of its opening quote. */
  readonly strings: ReadonlyMap<number, string>;
}

/** After these a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))$/;

export function maskSource(source: string): MaskedSource {
  const out = source.split('');
  const strings = new Map<number, string>();
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;
  let significant = '';
  let at = 0;
  const blank = (from: number, to: number): void => {
    for (let index = from; index < to; index += 1) if (out[index] !== '\n') out[index] = ' ';
  };
  const skipTemplate = (from: number): number => {
    let index = from;
    while (index < source.length) {
      if (source[index] === '\\') index += 2;
      else if (source[index] === '`') {
        blank(from, index);
        return index + 1;
      } else if (source[index] === '$' && source[index + 1] === '{') {
        blank(from, index + 2);
        templates.push(depth);
        depth += 1;
        return index + 2;
      } else index += 1;
    }
    blank(from, source.length);
    return source.length;
  };
  while (at < source.length) {
    const character = source[at] ?? '';
    const two = source.slice(at, at + 2);
    if (two === '//' || two === '/*') {
      const end = two === '//' ? source.indexOf('\n', at) : source.indexOf('*/', at + 2) + 2;
      const stop = end < (two === '//' ? 0 : 2) ? source.length : end;
      blank(at, stop);
      at = stop;
      continue;
    }
    if (character === "'" || character === '"') {
      const end = endOfString(source, at);
      if (end !== undefined) {
        strings.set(at, source.slice(at + 1, end));
        blank(at + 1, end);
        at = end + 1;
        significant = `${significant}'`.slice(-12);
        continue;
      }
      // No end on this line: an apostrophe in the text of an element.
    } else if (character === '`') {
      at = skipTemplate(at + 1);
      significant = `${significant}'`.slice(-12);
      continue;
    } else if (character === '}' && templates.at(-1) === depth - 1) {
      templates.pop();
      depth -= 1;
      out[at] = ' ';
      at = skipTemplate(at + 1);
      continue;
    } else if (character === '/' && BEFORE_REGEX.test(significant)) {
      const end = endOfRegex(source, at);
      if (end !== undefined) {
        blank(at + 1, end);
        at = end + 1;
        significant = `${significant}'`.slice(-12);
        continue;
      }
    }
    if (character === '{') depth += 1;
    else if (character === '}') depth -= 1;
    // A word ended by a blank stays apart from the next one.
    if (/\S/.test(character)) significant = `${significant}${character}`.slice(-12);
    else if (/[\w$]$/.test(significant) && !BEFORE_REGEX.test(significant))
      significant = `${significant}'`.slice(-12);
    at += 1;
  }
  return { code: out.join(''), strings };
}

function endOfString(source: string, from: number): number | undefined {
  const quote = source[from];
  for (let index = from + 1; index < source.length; index += 1) {
    if (source[index] === '\\') index += 1;
    else if (source[index] === quote) return index;
    else if (source[index] === '\n') return undefined;
  }
  return undefined;
}

function endOfRegex(source: string, from: number): number | undefined {
  let inClass = false;
  for (let index = from + 1; index < source.length; index += 1) {
    const character = source[index];
    if (character === '\\') index += 1;
    else if (character === '\n') return undefined;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '/' && !inClass) return index;
  }
  return undefined;
}

/** `import x from '`, `import type { X } from '`, `export { X } from '`, `export * from '`. */
const STATIC =
  /(?<![.\w$])(?:import|export)\s+(type\s+)?((?:[\w$]+\s*,\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+[\w$]+)?|[\w$]+))\s*from\s*(?=['"])/g;
const SIDE_EFFECT = /(?<![.\w$])import\s*(?=['"])/g;
const DYNAMIC = /(typeof\s+)?(?<![.\w$])import\s*\(\s*(?=['"])/g;

/** Every import of a source, in order of lines. */
export function readImports(source: string): Import[] {
  const { code, strings } = maskSource(source);
  const found: Import[] = [];
  const add = (start: number, quote: number, kind: Import['kind'], names: readonly string[]): void => {
    const specifier = strings.get(quote);
    if (specifier !== undefined) found.push({ specifier, kind, names, line: lineOf(source, start) });
  };
  for (const match of code.matchAll(STATIC)) {
    const names = namesOf(match[2] ?? '');
    add(match.index, match.index + match[0].length, match[1] === undefined ? 'value' : 'type', names);
  }
  for (const match of code.matchAll(SIDE_EFFECT))
    add(match.index, match.index + match[0].length, 'value', []);
  for (const match of code.matchAll(DYNAMIC)) {
    const quote = match.index + match[0].length;
    const after = code.slice(quote + 2 + (strings.get(quote)?.length ?? 0));
    // `typeof import('x')` and `import('x').Name` are types.
    const isType = match[1] !== undefined || /^\s*\)\s*\.\s*[A-Z]/.test(after);
    add(match.index, quote, isType ? 'type' : 'dynamic', ['*']);
  }
  return found.sort((a, b) => a.line - b.line);
}

function namesOf(clause: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(clause);
  const inside = (braces?.[1] ?? '')
    .split(',')
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, '')
        .replace(/\s+as\s+.*$/, ''),
    )
    .filter((name) => name !== '');
  const outside = clause
    .replace(/\{[^{}]*\}/, '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => (name.startsWith('*') ? '*' : 'default'));
  return [...outside, ...inside];
}

/** Line of an offset, from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}
