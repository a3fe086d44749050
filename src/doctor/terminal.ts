/** What the terminal can do: whether a cockpit can be drawn, copied from, and left with a key. */
import type { PartFinding } from '../domain/finding.ts';

/** What is known of the terminal of this process. */
export interface TerminalLook {
  /** Why no cockpit can be drawn on it, and whether there is one at all. */
  readonly problem: string | undefined;
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  readonly env: { readonly [name: string]: string | undefined };
  /** An option of the tmux server this runs in; undefined where it does not answer. */
  tmuxOption(name: string): Promise<string | undefined>;
}

/** Smaller ones show the queue and little else. */
const USEFUL = { columns: 80, rows: 24 };
/** Longer, and every Esc is a pause. */
const SLOW_ESCAPE_MS = 100;

export async function checkTerminal(look: TerminalLook): Promise<readonly PartFinding[]> {
  const { problem, isTerminal, env } = look;
  if (!isTerminal)
    return [
      { subject: 'cockpit', level: 'ok', says: 'there is no terminal here to look at; verbs need none' },
    ];
  return [
    problem === undefined
      ? { subject: 'cockpit', level: 'ok', says: `TERM=${env['TERM']}` }
      : {
          subject: 'cockpit',
          level: 'warn',
          says: `it can't be drawn here: ${problem}`,
          mend: 'use another terminal, or the verbs: status, list, show, logs, act',
        },
    checkSize(look),
    checkLetters(env),
    ...(await checkCopy(look)),
  ];
}

function checkSize({ columns = 0, rows = 0 }: TerminalLook): PartFinding {
  const says = `${columns}x${rows}`;
  return columns >= USEFUL.columns && rows >= USEFUL.rows
    ? { subject: 'size', level: 'ok', says }
    : {
        subject: 'size',
        level: 'warn',
        says: `${says}: not all panes are shown below ${USEFUL.columns}x${USEFUL.rows}`,
        mend: 'make it larger, or use `binnacle pane NAME`',
      };
}

function checkLetters(env: TerminalLook['env']): PartFinding {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale)
    ? { subject: 'letters', level: 'ok', says: locale }
    : {
        subject: 'letters',
        level: 'warn',
        says: `the locale (${locale || 'none'}) has no UTF-8: what is not ASCII is shown as notation`,
        mend: 'LANG=C.UTF-8 binnacle',
      };
}

/** Whether what `c` copies reaches a clipboard: it is sent with the sequence OSC 52. */
async function checkCopy({ env, tmuxOption }: TerminalLook): Promise<readonly PartFinding[]> {
  const subject = 'copying';
  if (env['STY'])
    return [
      {
        subject,
        level: 'warn',
        says: 'GNU screen does not pass OSC 52 on: what is copied with `c` stays here',
        mend: 'use tmux, or no multiplexer',
      },
    ];
  if (!env['TMUX']) return [{ subject, level: 'ok', says: 'by OSC 52, which this terminal must allow' }];
  const [clipboard, escapeTime] = await Promise.all([tmuxOption('set-clipboard'), tmuxOption('escape-time')]);
  const slow = Number(escapeTime);
  return [
    clipboard === 'on'
      ? { subject, level: 'ok', says: 'by OSC 52, which this tmux passes on' }
      : {
          subject,
          level: 'warn',
          says:
            clipboard === undefined
              ? 'tmux does not say whether it passes OSC 52 on'
              : `tmux has set-clipboard ${clipboard}: it passes no OSC 52 on, what is copied with \`c\` is lost`,
          mend: 'tmux set-option -s set-clipboard on; and in ~/.tmux.conf: set -s set-clipboard on',
        },
    ...(slow > SLOW_ESCAPE_MS
      ? [
          {
            subject: 'Esc',
            level: 'warn' as const,
            says: `tmux holds it back for ${slow} ms`,
            mend: 'tmux set-option -s escape-time 10; and in ~/.tmux.conf: set -s escape-time 10',
          },
        ]
      : []),
  ];
}
