/** The bytes a terminal sends for each key. */
const KEYS: Readonly<Record<string, string>> = {
  enter: '\r',
  escape: '\x1b',
  tab: '\t',
  'shift-tab': '\x1b[Z',
  space: ' ',
  backspace: '\x7f',
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  home: '\x1b[H',
  end: '\x1b[F',
  insert: '\x1b[2~',
  delete: '\x1b[3~',
  pageup: '\x1b[5~',
  pagedown: '\x1b[6~',
  f1: '\x1bOP',
  f2: '\x1bOQ',
  f3: '\x1bOR',
  f4: '\x1bOS',
};

/** The bytes a terminal sends for a key. */
export function bytesOfKey(key: string): string {
  const known = KEYS[key];
  if (known !== undefined) return known;
  if (/^ctrl-.$/.test(key)) return String.fromCharCode(key.toUpperCase().charCodeAt(5) & 0x1f);
  if (key.startsWith('alt-')) return `\x1b${bytesOfKey(key.slice(4))}`;
  if ([...key].length === 1) return key;
  throw new Error(`no such key: ${key}`);
}
