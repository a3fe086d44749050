/** What stands where a secret was. */
const MASK = '***';

/** Takes secrets out of text before it is stored, shown, copied or sent. */
export interface Masker {
  text(text: string): string;
  /** The same value with every string in it masked; keys stay. */
  value<T>(value: T): T;
  /** For text that comes in pieces: a secret cut by the border between two pieces is still found. */
  stream(sink: (text: string) => void): { write(text: string): void; end(): void };
}

/** Shorter values would hit ordinary words. */
const MIN_KNOWN = 6;

/** The form-specific rules; each quantifier is bounded or walks one character class, so that time stays linear. */
const SHAPES: readonly RegExp[] = [
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g,
  /\bgh[opsur]_[A-Za-z0-9]{36,255}/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}/g,
  /\bglpat-[A-Za-z0-9_-]{20,64}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,250}/g,
  /\bxapp-[A-Za-z0-9-]{10,250}/g,
  /\bsk-[A-Za-z0-9_-]{20,220}/g,
  /\b[srp]k_(?:live|test)_[A-Za-z0-9]{10,120}/g,
  /\bwhsec_[A-Za-z0-9+/=]{16,120}/g,
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\bya29\.[A-Za-z0-9_-]{20,400}/g,
  /\b(?:gsk_|hf_|npm_|dop_v1_|shpat_)[A-Za-z0-9]{30,120}/g,
  /\bxai-[A-Za-z0-9]{30,120}/g,
  /\bpypi-[A-Za-z0-9_-]{50,400}/g,
  /\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}/g,
  /\bSK[0-9a-f]{32}\b/g,
  /\bAGE-SECRET-KEY-1[A-Z0-9]{40,80}/g,
  /\b\d{8,10}:AA[A-Za-z0-9_-]{32,36}/g,
  /\beyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{8,2000}/g,
];

/** Rules that keep what names the secret and mask what follows: group 1 stays. */
const NAMED: readonly { readonly find: RegExp; readonly isSecret: (value: string) => boolean }[] = [
  { find: /(\bBearer[ \t]{1,4})([A-Za-z0-9._~+/=-]{8,4000})/gi, isSecret: hasDigit },
  {
    find: /(\bAuthorization["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?:Basic|Token|Digest)[ \t]{1,4})([^\s"']{6,4000})/gi,
    isSecret: always,
  },
  {
    find: /(\bBasic[ \t]{1,4})([A-Za-z0-9+/]{12,4000}={0,2})/g,
    isSecret: (value) => hasDigit(value) || value.endsWith('='),
  },
  { find: /(\b(?:Set-)?Cookie["']?[ \t]{0,4}:[ \t]{0,4})([^\r\n"']{6,4000})/gi, isSecret: always },
  { find: /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"']{0,100}:)([^\s/@"']{3,300})(?=@)/gi, isSecret: always },
  {
    find: /((?<![A-Za-z])(?:password|passwd|passphrase|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|account[_-]?key|private[_-]?key|(?:auth|access|refresh|api|bearer|session|id)?[_-]?token)["']?(?:=|:)["']?)([^\s"'&,;<>]{6,4000})/gi,
    isSecret: isNotPlain,
  },
  {
    find: /((?<![A-Za-z])(?:password|passwd|passphrase|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|(?:auth|access|refresh|api|bearer|session)?[_-]?token)["']?[ \t]{0,3}[:=][ \t]{1,3}["']?)([^\s"'&,;<>]{6,4000})/gi,
    isSecret: (value) =>
      isNotPlain(value) && (hasDigit(value) || /[A-Z].*[a-z]|[a-z].*[A-Z]/.test(value.slice(0, 200))),
  },
  {
    find: /(--?(?:password|passwd|secret|client-secret|api-key|apikey|token|auth-token|access-token|access-key)(?:=|[ \t]{1,3})["']?)([^\s"']{6,4000})/gi,
    isSecret: isNotPlain,
  },
];

/** A masker for these values and for everything that has the shape of a token. */
export function createMasker(secrets: Iterable<string> = []): Masker {
  const known = [...new Set([...secrets].filter((value) => value.length >= MIN_KNOWN).flatMap(formsOf))].sort(
    (a, b) => b.length - a.length,
  );
  const text = (input: string): string => {
    let masked = input;
    for (const form of known) if (masked.includes(form)) masked = masked.replaceAll(form, MASK);
    masked = maskKeys(masked);
    for (const shape of SHAPES) masked = masked.replace(shape, MASK);
    for (const { find, isSecret } of NAMED)
      masked = masked.replace(find, (all: string, name: string, value: string) =>
        isSecret(value) ? name + MASK : all,
      );
    return masked;
  };
  const value = <T>(input: T): T => mapStrings(input, text) as T;
  return { text, value, stream: (sink) => streamMask(text, sink) };
}

/** Parts of a variable's name that make its value a secret, whatever it is. */
const SECRET_NAME = /^(?:TOKENS?|SECRETS?|PASSWORD|PASSWD|PASSPHRASE)$/;
/** Parts that do so unless the value is a plain word: `SORT_KEY=created`, `AUTH=disabled`. */
const LIKELY_NAME = /^(?:(?:API)?KEYS?|PASS|CREDENTIALS?|AUTH|DSN|PAT|COOKIE|JWT)$/;

/**
 * Values of an environment that are secret by their name (`GITHUB_TOKEN`, `db_password`). Paths and numbers are left
 * out: `SSH_AUTH_SOCK` and `GOOGLE_APPLICATION_CREDENTIALS` name files, and masking them would hide what they name.
 */
export function secretValuesOf(env: { readonly [name: string]: string | undefined }): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined || value.length < MIN_KNOWN || value.startsWith('/') || /^\d+$/.test(value))
      return [];
    const parts = name.toUpperCase().split(/[_-]/);
    if (parts.some((part) => SECRET_NAME.test(part))) return [value];
    const isWord = /^[A-Za-z]{1,12}$/.test(value);
    return !isWord && parts.some((part) => LIKELY_NAME.test(part)) ? [value] : [];
  });
}

/** The value as it may be met: itself, in a URL, inside JSON, in base64 at any of the three alignments. */
function formsOf(value: string): string[] {
  const forms = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  forms.push(encodeURIComponent(value).replaceAll('%20', '+'));
  const bytes = Buffer.from(value);
  for (let offset = 0; offset < 3; offset += 1) {
    // The first and last characters also carry bits of the neighbours: they are left out of the comparison.
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const whole = padded.toString('base64').replace(/=+$/, '');
    const first = offset === 0 ? 0 : offset + 1;
    const last = padded.length % 3 === 0 ? whole.length : whole.length - 1;
    const inner = whole.slice(first, last);
    if (inner.length >= 8) forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  if (bytes.length >= 8) forms.push(bytes.toString('hex'));
  return forms;
}

const KEY_BEGIN = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/g;
const KEY_END = /-----END [A-Z ]{0,30}PRIVATE KEY-----/g;
/** No character of a key's lines: they hold base64, a few headers, and line ends that may be written as `\n`. */
const OUTSIDE_KEY = /[^A-Za-z0-9+/=\s\\,:-]/g;
/** The longest private keys of use have some 13,000 characters. */
const LONGEST_KEY = 20_000;

/**
 * Masks private keys over all their lines. One whose end is missing is masked as far as the text looks like a key: what
 * follows a mere mention of one stays. No place is looked at twice by the same search.
 */
function maskKeys(text: string): string {
  let masked = '';
  let at = 0;
  let end = { from: 0, to: 0 };
  for (let begin = find(KEY_BEGIN, text, 0); begin.from < text.length; begin = find(KEY_BEGIN, text, at)) {
    if (end.from < begin.to) end = find(KEY_END, text, begin.to);
    const isWhole = end.from < text.length && end.from - begin.from <= LONGEST_KEY;
    masked += text.slice(at, begin.from) + MASK;
    at = isWhole
      ? end.to
      : begin.to + text.slice(begin.to, find(OUTSIDE_KEY, text, begin.to).from).trimEnd().length;
  }
  return at === 0 ? text : masked + text.slice(at);
}

/** Where the expression is met next, else the end of the text. */
function find(
  expression: RegExp,
  text: string,
  after: number,
): { readonly from: number; readonly to: number } {
  expression.lastIndex = after;
  const found = expression.exec(text);
  if (!found) return { from: text.length, to: text.length };
  return { from: found.index, to: found.index + found[0].length };
}

/** A line this long without an end is handed on, but for its last characters, which may begin a secret. */
const LONGEST_LINE = 64 * 1024;
const KEPT_BACK = 8 * 1024;

function streamMask(
  mask: (text: string) => string,
  sink: (text: string) => void,
): { write(text: string): void; end(): void } {
  let pending = '';
  /** Characters of a key still to come, at most, when inside one. */
  let keyLeft = 0;
  const line = (text: string): void => {
    if (keyLeft > 0) {
      keyLeft = text.search(KEY_END) < 0 ? keyLeft - text.length : 0;
      return;
    }
    const begin = text.search(KEY_BEGIN);
    if (begin >= 0 && text.slice(begin).search(KEY_END) < 0) keyLeft = LONGEST_KEY;
    sink(mask(text));
  };
  return {
    write(text) {
      pending += text;
      const end = pending.lastIndexOf('\n') + 1;
      if (end > 0) {
        const whole = pending.slice(0, end);
        pending = pending.slice(end);
        if (keyLeft > 0 || whole.search(KEY_BEGIN) >= 0) for (const one of whole.split(/(?<=\n)/)) line(one);
        else sink(mask(whole));
      }
      if (pending.length > LONGEST_LINE) {
        const masked = mask(pending);
        const cut = masked.length - KEPT_BACK;
        sink(masked.slice(0, cut));
        pending = masked.slice(cut);
      }
    },
    end() {
      if (pending !== '') line(pending);
      pending = '';
    },
  };
}

function mapStrings(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, map)]));
  return value;
}

function always(): boolean {
  return true;
}

function hasDigit(value: string): boolean {
  return /\d/.test(value);
}

/** Counts, flags and placeholders stand after such names as often as secrets do. */
function isNotPlain(value: string): boolean {
  return !/^(?:[\d.]{1,12}|\*{3,}|true|false|null|none|undefined|missing|required|invalid|expired|redacted|\$.*)$/i.test(
    value,
  );
}
