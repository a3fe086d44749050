/** The verbs and options of the command line as data: what is accepted, and what `--help` says of it. */

export interface Verb {
  /** Empty for the cockpit itself. */
  readonly name: string;
  /** How it is typed, by line; the first begins after `binnacle`. */
  readonly usage: readonly string[];
  /** What it does, beside the usage, by line. */
  readonly does: readonly string[];
  /** Words after the verb, at most. */
  readonly words: number;
  /** What `binnacle VERB --help` adds. */
  readonly more?: readonly string[];
}

/** In the order of the help. */
export const VERBS: readonly Verb[] = [
  { name: '', usage: [''], does: ['the cockpit over the systems found, configured or named'], words: 0 },
  {
    name: 'pane',
    usage: ['pane NAME'],
    does: ['one pane alone: queue approvals fatal pipeline work logs acts card steps'],
    words: 1,
    more: [
      'NAME may also be its number, 1 to 9. For a split beside the program: tmux split-window binnacle pane logs',
    ],
  },
  {
    name: 'demo',
    usage: ['demo'],
    does: ['five simulated systems, live, in a temporary directory'],
    words: 0,
  },
  {
    name: 'status',
    usage: ['status [--json | --tmux] [--all]'],
    does: ['one look at everything'],
    words: 0,
    more: [
      'Ends with 1 where something needs a human, 3 where a source that exists can not be read, 2 where a system',
      'that was named is not there; 2 before 3 before 1.',
      'For a status bar: set -g status-right "#(binnacle status --tmux)"',
    ],
  },
  {
    name: 'list',
    usage: ['list WHAT [--json]'],
    does: [
      'attention approvals issues layers runs turns jobs services meters',
      'restore-points sources verbs acts systems',
    ],
    words: 1,
    more: [
      '`verbs` are the acts of the systems watched, with their parameters. `acts` are those of every kind, with how each runs,',
      'what is watched for afterwards and what undoes it; then those that were done here. As JSON: {declared, done}.',
    ],
  },
  {
    name: 'show',
    usage: ['show WHAT ID [--json]'],
    does: ['one of them, with its evidence'],
    words: 2,
    more: [
      'WHAT is one of what `list` has, in the singular: approval issue layer run turn job ... ID is [system/]id.',
    ],
  },
  {
    name: 'logs',
    usage: [
      'logs [--since T] [--until T] [--grep RE] [--not RE] [--level L]',
      '[--system S] [--source S] [--run ID] [--field NAME=VALUE]',
      '[-n N] [--context N] [--count | --histogram] [--follow]',
      '[--json [--resume NAME]]',
    ],
    does: ['', 'T: 2026-02-21T03:14:07Z, or an age: 90s 15m 2h 3d', '', ''],
    words: 0,
    more: [
      "A `~` before a time: the line has none, its place is its neighbours'. Levels: debug info warning error, each with",
      'what is graver. --system S is a system by the name it has here. --follow ends with its reader, on Ctrl-c and on SIGTERM.',
      'All conditions hold together; --grep, --not, --source and --field may be repeated. A pattern without a capital letter',
      'ignores case. Rotated and compressed parts of a log are looked through too, however old. --field: a field of a JSON',
      'line, `error.code` for one inside another, or a `name=value` pair.',
      '--resume NAME prints what no run under that name has printed, the first one all there is, and nothing twice: each line',
      'has an `id`, 1 2 3 and so on without a hole; after a kill the newest may come again under the same ids. Lines of files',
      'that were rotated, compressed or copied meanwhile are there; of those that were removed before, a line tells the gap.',
    ],
  },
  {
    name: 'act',
    usage: [
      'act ACT TARGET... [--param k=v]... [--reason TEXT] [--yes | --confirm CODE] [--dry-run] [--json]',
      '| act --undo ORDER [--reason TEXT] [--yes | --confirm CODE] [--dry-run] [--json]',
    ],
    does: [],
    words: 51,
    more: [
      '`binnacle list verbs` names the acts. TARGET is [system/]id, or [system/]type/id where an id names several things.',
      'Without --yes it shows what it would run and is refused; where more is wanted (a reason, a code) it says so.',
      'Several targets are shown as one list and confirmed once; each is done and recorded by itself, in this order, and the',
      'exit code is that of the one that ended worst. Approvals are decided one at a time.',
      '--undo does what compensates an order, if anything does as things stand now; `binnacle list acts` names the orders.',
    ],
  },
  {
    name: 'steps',
    usage: ['steps TARGET [--done N | --skip N | --open N] [--note TEXT] [--json]'],
    does: [],
    words: 1,
    more: [
      'The steps written for the condition of an item, as they stand: checks follow what is seen, acts their outcome; notes',
      'are checked off by hand. What is recorded is shared by the operators of this host, and belongs to this occurrence of',
      'the condition. Ends with 4 where nothing could be recorded.',
    ],
  },
  {
    name: 'ledger',
    usage: [
      'ledger [--since T] [--until T] [--act ACT] [--target T] [--by USER]',
      '[-n N] [--json]',
      '| ledger verify [--file EXPORT]... | seal --before T | repair',
    ],
    does: ['', 'what was done, and by whom', ''],
    words: 1,
    more: [
      'A line of --json holds seq, prev, hash and body: hash is the SHA-256 of seq, prev and body with a line feed between',
      'them, prev the hash of the row before. `verify --file` checks exports and archives by that alone.',
      '`seal` moves older rows to an archive beside the ledger, which the chain then names; `repair` begins a new ledger',
      'in the place of a damaged one, which is kept.',
    ],
  },
  {
    name: 'timeline',
    usage: ['timeline --since T [--until T] [--system S] [-n N] [--json | --markdown]'],
    does: [],
    words: 0,
    more: [
      'One chronology: changes of state, acts, approvals, what operators did, and the errors in the logs around each.',
      '--markdown is a report for the post-mortem. Changes are recorded while a cockpit runs; for other times it tells what',
      "the systems' own files say. T: 2026-02-21T03:14:07Z, or an age: 90s 15m 2h 3d",
    ],
  },
  {
    name: 'handover',
    usage: ['handover [--since T] [--note TEXT] [--json]'],
    does: ['what is open, held, tried and set aside'],
    words: 0,
    more: [
      'Printed, written to a file in the state directory, and announced in the cockpits of this host until it is read.',
      '--since is the begin of the shift; default twelve hours ago.',
    ],
  },
  {
    name: 'init',
    usage: ['init [DIR...] [-] [--force]', '| init --host [--group NAME]'],
    does: [
      'finds systems and writes binnacle.yaml (or FILE of -C)',
      'makes what the operators of a host share',
    ],
    words: 50,
    more: [
      'Looks in and below the directories (default this one), four deep, for what the kinds are known by, and writes a',
      'configuration with every key explained: binnacle.yaml here, ~/.config/binnacle/binnacle.yaml where this directory is',
      'a watched one, or FILE. With - it is printed and nothing is written.',
      '--host makes /var/lib/binnacle, or BINNACLE_HOST_DIR: orders, holds and ledgers, for the members of a group.',
    ],
  },
  {
    name: 'doctor',
    usage: ['doctor [--json]'],
    does: ['what would keep it from working here, and what to do'],
    words: 0,
    more: [
      'Looks at the program, the configuration, the records, the host, the terminal, and at every system: whose it is, its',
      'keys, its sources, the programs its acts start. It changes nothing; of a system it starts the interpreter, to ask its',
      'version, and what its sources start anyhow. Ends with 0 where all is right, 1 where something works with a limit, 3',
      'where what is there can not be used, 2 where the configuration is wrong or a system is not there; 2 before 3 before 1.',
    ],
  },
  {
    name: 'config',
    usage: ['config schema | config check'],
    does: ['the keys of binnacle.yaml; whether yours is right'],
    words: 1,
  },
  {
    name: 'hooks',
    usage: ['hooks test'],
    does: ['a test event to every hook of binnacle.yaml, and what each did'],
    words: 1,
    more: ['Ends with 5 where one of them failed. Only a cockpit fires hooks; verbs never do.'],
  },
  {
    name: 'help',
    usage: ['help [VERB]'],
    does: ['this, or one verb with its options; VERB --help is the same'],
    words: 1,
  },
];

export interface OptionInfo {
  /** Verbs it belongs to; `*` is every verb, the empty one is the cockpit. */
  readonly verbs: readonly string[];
  /** How its value is called; an option without one is a switch. */
  readonly value?: string;
  /** One letter that stands for it. */
  readonly short?: string;
  /** What it does, for `--help`; none: not shown. */
  readonly does?: string;
}

/** Every option there is. */
export const OPTIONS: Readonly<Record<string, OptionInfo>> = {
  '--json': {
    verbs: [
      ...['status', 'list', 'show', 'logs', 'act', 'steps', 'ledger', 'timeline', 'handover', 'doctor'],
    ],
    does: 'as JSON, times in UTC; logs and ledger: one object a line',
  },
  '--tmux': {
    verbs: ['status'],
    does: 'figures for a status bar: x fatal, ! waits for you, ~ stalled, > running, + other, ? systems not read whole',
  },
  '--all': { verbs: ['status'], does: 'items set aside are shown and counted too' },
  '--since': {
    verbs: ['logs', 'timeline', 'handover', 'ledger'],
    value: 'T',
    does: 'from then on, all of it',
  },
  '--until': { verbs: ['logs', 'timeline', 'ledger'], value: 'T', does: 'up to then' },
  '--grep': { verbs: ['logs'], value: 'RE', does: 'rows in which this regular expression is found' },
  '--not': { verbs: ['logs'], value: 'RE', does: 'and this one is not' },
  '--source': { verbs: ['logs'], value: 'S', does: 'rows of this source; `list sources` names them' },
  '--field': { verbs: ['logs'], value: 'NAME=VALUE', does: 'rows with this field' },
  '--context': { verbs: ['logs'], value: 'N', does: 'so many rows of the same log before and behind each' },
  '--count': { verbs: ['logs'], does: 'how many rows there are, and nothing else' },
  '--histogram': { verbs: ['logs'], does: 'how many there are when, by level' },
  '--level': { verbs: ['logs'], value: 'L', does: 'rows of this level and graver ones' },
  '--run': { verbs: ['logs'], value: 'ID', does: 'rows of this run, job or task' },
  '--lines': {
    verbs: ['logs', 'ledger', 'timeline'],
    value: 'N',
    short: 'n',
    does: 'the newest N; logs: 100, ledger: 500 unless --since is given; timeline: error lines for each event, 3',
  },
  '--act': { verbs: ['ledger'], value: 'ACT', does: 'rows of this act' },
  '--target': { verbs: ['ledger'], value: 'T', does: 'rows about this [system/]id' },
  '--by': { verbs: ['ledger'], value: 'USER', does: 'rows of this user, or of the person behind sudo' },
  '--file': {
    verbs: ['ledger'],
    value: 'EXPORT',
    does: 'verify: this export or archive by itself; repeatable',
  },
  '--before': { verbs: ['ledger'], value: 'T', does: 'seal: rows written before then' },
  '--force': { verbs: ['init'], does: 'overwrites the file that is there' },
  '--host': { verbs: ['init'], does: 'the directory shared by the operators of this host' },
  '--group': { verbs: ['init'], value: 'NAME', does: 'their group; default binnacle' },
  '--follow': { verbs: ['logs'], does: 'go on with what comes' },
  '--resume': {
    verbs: ['logs'],
    value: 'NAME',
    does: 'go on where the last run under this name ended; with --json',
  },
  '--param': { verbs: ['act'], value: 'k=v', does: 'a parameter of the act; repeatable' },
  '--reason': { verbs: ['act'], value: 'TEXT', does: 'why, for the record' },
  '--yes': { verbs: ['act'], does: 'confirms it' },
  '--confirm': { verbs: ['act'], value: 'CODE', does: 'confirms it where the four letters shown are wanted' },
  '--dry-run': { verbs: ['act'], does: 'prints what would run, word by word, and runs nothing' },
  '--markdown': { verbs: ['timeline'], does: 'as a report in Markdown' },
  '--undo': { verbs: ['act'], value: 'ORDER', does: 'the act that compensates this one' },
  '--done': { verbs: ['steps'], value: 'N', does: 'check off the note that is step N' },
  '--skip': { verbs: ['steps'], value: 'N', does: 'skip step N, and say so' },
  '--open': { verbs: ['steps'], value: 'N', does: 'open step N again' },
  '--note': {
    verbs: ['handover', 'steps'],
    value: 'TEXT',
    does: 'what the next shift should know beside it; a remark to a step',
  },
  '--or-demo': { verbs: [''] },
  '--system': { verbs: ['*'], value: 'KIND=DIR', short: 's' },
  '--config': { verbs: ['*'], value: 'FILE', short: 'C' },
  '--read-only': { verbs: ['*'] },
  '--no-color': { verbs: ['*'] },
  '--ascii': { verbs: ['*'] },
  '--at': { verbs: ['*'], value: 'TIME' },
  '--help': { verbs: ['*'], short: 'h' },
  '--version': { verbs: ['*'], short: 'V' },
};

/** Options of which only one may be given. */
export const EITHER: readonly (readonly [string, string])[] = [
  ['--json', '--tmux'],
  ['--json', '--markdown'],
  ['--yes', '--dry-run'],
  ['--confirm', '--dry-run'],
  ['--count', '--histogram'],
  ['--count', '--follow'],
  ['--count', '--resume'],
  ['--histogram', '--follow'],
  ['--histogram', '--resume'],
];

const EVERYWHERE = `everywhere: -s KIND=DIR[,key=value...]      a system to watch; repeatable. Kinds: orket reflexive coherence aragora openclaw
            -C FILE                         configuration; default ./binnacle.yaml, ~/.config/binnacle/, /etc/binnacle/
            --read-only  --no-color  --ascii
            --at TIME                       judge ages and deadlines as of TIME`;

const EXIT_CODES = `exit codes: 0 done, nothing needs a human   1 something needs a human (status)   2 usage or configuration
            3 a source can't be read   4 refused   5 failed   6 effect not seen   7 outcome unknown`;

/** Where what a verb does begins in a line of the help. */
const DOES_COLUMN = 44;

function usageLines({ usage, does }: Verb): readonly string[] {
  const count = Math.max(usage.length, does.length);
  return Array.from({ length: count }, (_, line) => {
    const typed = usage[line] ?? '';
    const left = line === 0 ? `binnacle ${typed}` : typed === '' ? '' : `              ${typed}`;
    const right = does[line] ?? '';
    return (right === '' ? left : `${left.padEnd(DOES_COLUMN - 2)}  ${right}`).trimEnd();
  });
}

/** What `binnacle --help` prints; the README has it too. */
export const HELP = [...VERBS.flatMap(usageLines), '', EVERYWHERE, '', EXIT_CODES].join('\n');

/** What `binnacle VERB --help` prints; undefined for a verb there is not. */
export function helpOf(name: string): string | undefined {
  const verb = VERBS.find((one) => one.name === name);
  if (verb === undefined) return undefined;
  if (name === '') return HELP;
  const own = Object.entries(OPTIONS).filter(
    ([, { verbs, does }]) => does !== undefined && verbs.includes(name),
  );
  const typed = own.map(([option, { value, short }]) => {
    const word = short === undefined ? option : `-${short}, ${option}`;
    return value === undefined ? word : `${word} ${value}`;
  });
  const width = Math.max(0, ...typed.map((text) => text.length));
  const options = own.map(([, { does }], index) => `  ${(typed[index] ?? '').padEnd(width)}  ${does}`);
  const parts = [usageLines(verb), options, verb.more ?? [], [EVERYWHERE], [EXIT_CODES]];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}
