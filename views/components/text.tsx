import { Text } from 'ink';
import { memo } from 'react';
import type { SafeText } from '../../src/lib/safe-text.ts';
import { type Theme, type Tone, toneCodes } from '../theme.ts';
import { type Line, sameLines } from './line.ts';

/**
 * The only place where text meets the terminal. It takes nothing but safe text, and adds colour sequences of its own
 * list. One element per block of lines: the renderer pays per element and per colour change, not per character.
 */
export const TextBlock = memo(
  function TextBlock({ lines, theme }: { readonly lines: readonly Line[]; readonly theme: Theme }) {
    return <Text wrap="truncate-end">{paintLines(lines, theme)}</Text>;
  },
  (before, after) => before.theme === after.theme && sameLines(before.lines, after.lines),
);

/** One safe text, for cells of still tables. */
export function TextCell({
  text,
  tone,
  theme,
}: {
  readonly text: SafeText;
  readonly tone?: Tone;
  readonly theme: Theme;
}) {
  const [begin, end] = toneCodes(theme, tone);
  return <Text wrap="truncate-end">{`${begin}${text}${end}`}</Text>;
}

/** The characters of a block, tones as SGR sequences. An empty line is a space: it must keep its row. */
function paintLines(lines: readonly Line[], theme: Theme): string {
  return lines
    .map((line) => {
      let out = '';
      for (const span of line) {
        const [begin, end] = toneCodes(theme, span.tone);
        out += begin + span.text + end;
      }
      return out === '' ? ' ' : out;
    })
    .join('\n');
}
