import { UserError } from '../domain/error.ts';
import { type Instant, parseInstant } from '../domain/instant.ts';
import { fromHome } from './home.ts';
import { EITHER, OPTIONS } from './verbs.ts';

/** A system named on the command line: `-s KIND=DIR,key=value`. */
export interface SystemOption {
  readonly kind: string;
  readonly dir: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** The command line, checked as far as that is possible without looking at any system. */
export interface Options {
  /** The words before and between options: the verb first. */
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly systems: readonly SystemOption[];
  /** `--system NAME` of `logs` and `timeline`: systems already named or configured that are wanted. */
  readonly systemNames: readonly string[];
  readonly config: string | undefined;
  readonly at: Instant | undefined;
}

const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries(OPTIONS).flatMap(([name, { short }]) => (short === undefined ? [] : [[short, name]])),
);

const isOption = (name: string): boolean => Object.hasOwn(OPTIONS, name);

/** Reads the command line. Throws UserError for an option there is not, one without its value, and a bad time. */
export function parseOptions(argv: readonly string[]): Options {
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  let onlyWords = false;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (onlyWords || word === '-' || !word.startsWith('-')) {
      words.push(word);
      continue;
    }
    if (word === '--') {
      onlyWords = true;
      continue;
    }
    const { name, inline } = splitOption(word);
    if (!isOption(name)) throw new UserError(`there is no option ${word}`, ['run `binnacle --help`']);
    if (OPTIONS[name]?.value === undefined) {
      if (inline !== undefined) throw new UserError(`${name} takes no value`, ['run `binnacle --help`']);
      flags.add(name);
      continue;
    }
    let value = inline;
    if (value === undefined) {
      index += 1;
      value = argv[index];
    }
    if (value === undefined) throw new UserError(`${name} needs a value`, ['run `binnacle --help`']);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const verb = words[0] ?? '';
  checkBelongs(verb, [...flags, ...values.keys()]);
  const systems = values.get('--system') ?? [];
  const isName = (text: string): boolean => (verb === 'logs' || verb === 'timeline') && !text.includes('=');
  return {
    words,
    flags,
    values,
    systems: systems.filter((text) => !isName(text)).map(parseSystemOption),
    systemNames: systems.filter(isName),
    config: values.get('--config')?.at(-1),
    at: readTime('--at', values.get('--at')?.at(-1)),
  };
}

function splitOption(word: string): { name: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    return equals < 0
      ? { name: word, inline: undefined }
      : { name: word.slice(0, equals), inline: word.slice(equals + 1) };
  }
  const name = SHORT.get(word[1] ?? '') ?? word;
  return { name, inline: word.length > 2 && name !== word ? word.slice(2) : undefined };
}

function checkBelongs(verb: string, given: readonly string[]): void {
  for (const name of given) {
    const verbs = OPTIONS[name]?.verbs ?? [];
    if (!verbs.includes('*') && !verbs.includes(verb)) {
      throw new UserError(`${name} is no option of ${verb === '' ? 'the cockpit' : `\`binnacle ${verb}\``}`, [
        verbs.includes('') ? 'it belongs to the cockpit' : `it belongs to: ${verbs.join(', ')}`,
      ]);
    }
  }
  const both = EITHER.find((pair) => pair.every((name) => given.includes(name)));
  if (both) {
    throw new UserError(`${both.join(' and ')} are not given together`, [
      verb === '' ? 'run `binnacle --help`' : `run \`binnacle ${verb} --help\``,
    ]);
  }
}

/** Reads `KIND=DIR[,key=value...]`. A comma in a value is written `\,`. */
export function parseSystemOption(text: string): SystemOption {
  const equals = text.indexOf('=');
  if (equals <= 0) {
    throw new UserError(`-s ${text}: KIND=DIR is wanted, for example -s orket=/srv/orket`, [
      'settings follow after commas: -s coherence=/srv/cn,url=http://127.0.0.1:8000',
    ]);
  }
  const parts = text
    .slice(equals + 1)
    .split(/(?<!\\),/)
    .map((part) => part.replaceAll('\\,', ','));
  const settings: Record<string, string> = {};
  for (const part of parts.slice(1)) {
    const split = part.indexOf('=');
    if (split <= 0) {
      throw new UserError(`-s ${text}: "${part}" is not key=value`, [
        'a comma within a value is written \\,',
      ]);
    }
    if (!/^[A-Za-z][\w-]*$/.test(part.slice(0, split))) {
      throw new UserError(`-s ${text}: "${part.slice(0, split)}" can't be a setting`, [
        'settings are words: name, url, timezone ...',
      ]);
    }
    settings[part.slice(0, split)] = part.slice(split + 1);
  }
  const dir = parts[0] ?? '';
  if (dir === '')
    throw new UserError(`-s ${text}: the directory is missing`, ['for example -s orket=/srv/orket']);
  return { kind: text.slice(0, equals), dir: fromHome(dir), settings };
}

/** Reads an ISO 8601 time of the command line. `or`: what it may be besides, for the message. */
export function readTime(option: string, text: string | undefined, or = ''): Instant | undefined {
  if (text === undefined) return undefined;
  const at = parseInstant(text);
  if (at === undefined || !isCalendarDay(text)) {
    throw new UserError(`${option} ${text}: not a time`, [`write it as 2026-02-21T03:14:07Z${or}`]);
  }
  return at;
}

/** Engines read the 30th of February as the 2nd of March; whoever types it means another day. */
function isCalendarDay(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)/.exec(text) ?? [];
  return (
    day === undefined ||
    new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  );
}

/** Reads a time of the command line that may also be an age: `15m`, `2h`, `3d`, `90s`. */
export function readTimeOrAge(option: string, text: string | undefined, now: Instant): Instant | undefined {
  const age = /^(\d{1,6})([smhd])$/.exec(text ?? '');
  if (!age) return readTime(option, text, ', or as an age: 90s 15m 2h 3d');
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[age[2] as 's' | 'm' | 'h' | 'd'];
  return (now - Number(age[1]) * unit) as Instant;
}
