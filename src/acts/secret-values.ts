/** Values that are known to be secret, and the forms they may be met in. */

/** Shorter values would hit ordinary words. */
const MIN_KNOWN = 6;
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

/** All forms of these values, the longest first. */
export function formsOfAll(values: Iterable<string>): readonly string[] {
  const long = [...values].filter((value) => value.length >= MIN_KNOWN);
  return [...new Set(long.flatMap(formsOf))].sort((a, b) => b.length - a.length);
}

/** The value as it may be met: itself, in a URL, inside JSON, in hexadecimal, in base64 at any of the three alignments. */
function formsOf(value: string): string[] {
  const url = encodeURIComponent(value);
  const forms = [value, url, url.replaceAll('%20', '+'), JSON.stringify(value).slice(1, -1)];
  forms.push(url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()));
  // `encodeURIComponent` leaves these as they are, other programs don't.
  forms.push(url.replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`));
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
