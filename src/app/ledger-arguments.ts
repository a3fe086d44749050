import { type Options, readTimeOrAge } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { LedgerFilter } from '../domain/ledger.ts';
import { systemClock } from '../host/clock.ts';
import { lineCount } from './verb-arguments.ts';

/** What `binnacle ledger ...` was asked for. */
export type LedgerErrand =
  | { readonly do: 'list'; readonly filter: LedgerFilter; readonly limit: number }
  | { readonly do: 'verify'; readonly files: readonly string[] }
  | { readonly do: 'seal'; readonly before: Instant }
  | { readonly do: 'repair' };

/** Options of each word after `ledger`; the empty one lists. */
const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  '': ['--since', '--until', '--act', '--target', '--by', '--lines', '--json'],
  verify: ['--file', '--json'],
  seal: ['--before'],
  repair: [],
};
const OWN = new Set(Object.values(OPTIONS_OF).flat());
/** Rows listed for people unless they ask for more. */
const LISTED = 500;

/** Reads the words and options of `ledger`. Throws UserError for what does not belong together. */
export function ledgerErrand(options: Options): LedgerErrand {
  const word = options.words[1] ?? '';
  const known = Object.hasOwn(OPTIONS_OF, word) ? OPTIONS_OF[word] : undefined;
  if (known === undefined)
    throw new UserError(`\`ledger ${word}\` is not known`, ['`binnacle ledger [verify | seal | repair]`']);
  const foreign = [...options.flags, ...options.values.keys()].find(
    (name) => OWN.has(name) && !known.includes(name),
  );
  if (foreign !== undefined)
    throw new UserError(`${foreign} is no option of \`binnacle ledger${word === '' ? '' : ` ${word}`}\``, [
      known.length > 0 ? `its own: ${known.join(' ')}` : 'it has none of its own',
    ]);
  const one = (name: string): string | undefined => options.values.get(name)?.at(-1);
  const now = options.at ?? systemClock().now();
  switch (word) {
    case 'verify':
      return { do: 'verify', files: options.values.get('--file') ?? [] };
    case 'repair':
      return { do: 'repair' };
    case 'seal': {
      const before = readTimeOrAge('--before', one('--before'), now);
      if (before === undefined)
        throw new UserError('seal what? --before T is wanted', [
          'for example: binnacle ledger seal --before 400d',
        ]);
      return { do: 'seal', before };
    }
    default: {
      const since = readTimeOrAge('--since', one('--since'), now);
      const until = readTimeOrAge('--until', one('--until'), now);
      const [act, target, by] = [one('--act'), one('--target'), one('--by')];
      const isWhole = options.flags.has('--json') || since !== undefined;
      return {
        do: 'list',
        limit: lineCount(options) ?? (isWhole ? Number.MAX_SAFE_INTEGER : LISTED),
        filter: {
          ...(since === undefined ? {} : { since }),
          ...(until === undefined ? {} : { until }),
          ...(act === undefined ? {} : { act }),
          ...(target === undefined ? {} : { target }),
          ...(by === undefined ? {} : { by }),
        },
      };
    }
  }
}
