/** What a piece of text is, for its look. Shape and word carry the meaning; a tone only helps the eye. */
export type Tone =
  | 'plain'
  | 'dim'
  | 'strong'
  | 'title'
  | 'alarm'
  | 'warning'
  | 'good'
  | 'change'
  | 'cursor'
  | 'input'
  | 'off';

/** How the screen looks on this terminal. */
export interface Theme {
  /** `none` for NO_COLOR and terminals without colours; `16` otherwise. */
  readonly color: 'none' | '16';
  /** Text of watched systems outside ASCII is written as notation: the terminal has no UTF-8. */
  readonly ascii: boolean;
}

export const plainTheme: Theme = { color: 'none', ascii: false };

/** SGR parameters to begin and to end a tone. Only the sixteen colours, so that they fit any palette. */
const sgr: { readonly [T in Tone]: readonly [begin: string, end: string] | undefined } = {
  plain: undefined,
  dim: ['2', '22'],
  strong: ['1', '22'],
  title: ['36', '39'],
  alarm: ['1;31', '22;39'],
  warning: ['33', '39'],
  good: ['32', '39'],
  change: ['35', '39'],
  cursor: ['7', '27'],
  input: ['1', '22'],
  off: ['2', '22'],
};

/** The sequences around a text of that tone, or empty ones. */
export function toneCodes(theme: Theme, tone: Tone | undefined): readonly [begin: string, end: string] {
  const codes = theme.color === 'none' || tone === undefined ? undefined : sgr[tone];
  return codes ? [`\x1b[${codes[0]}m`, `\x1b[${codes[1]}m`] : ['', ''];
}

/** What the environment says about colours and characters. */
export function themeFrom(
  env: { readonly [name: string]: string | undefined },
  options: { readonly noColor?: boolean; readonly ascii?: boolean } = {},
): Theme {
  const noColor =
    options.noColor === true ||
    (env['NO_COLOR'] ?? '') !== '' ||
    env['TERM'] === 'dumb' ||
    /^vt\d/.test(env['TERM'] ?? '');
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const hasUtf8 = /utf-?8/i.test(locale);
  return { color: noColor ? 'none' : '16', ascii: options.ascii ?? !hasUtf8 };
}
