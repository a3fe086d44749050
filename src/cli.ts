/**
 * The command line behind the launcher. Each verb loads what it needs and nothing more: a verb that prints never loads
 * the screen.
 */

import type { CockpitWishes } from './app/cockpit.ts';
import { type Options, parseOptions } from './config/options.ts';
import { UserError } from './domain/error.ts';
import type { Output } from './headless/output.ts';

declare const BINNACLE_VERSION: string | undefined;

const HELP = `binnacle                                  the cockpit over the systems found, configured or named
binnacle pane NAME                        one pane alone: queue card logs pipeline work acts
binnacle demo                             five simulated systems, live, in a temporary directory
binnacle status [--json | --tmux] [--all] one look at everything
binnacle list WHAT [--json]               attention approvals issues layers runs turns jobs services meters
                                          restore-points sources verbs acts systems
binnacle show WHAT ID [--json]            one of them, with its evidence
binnacle logs [--since T] [--until T] [--grep RE] [--level L] [--run ID]
              [--system S] [-n N] [--follow] [--json]
binnacle act ACT TARGET [--param k=v]... [--reason TEXT] [--yes | --confirm CODE] [--dry-run] [--json]
binnacle ledger [--json] | ledger verify  what was done, by whom, and whether the record is whole
binnacle config schema | config check     the keys of binnacle.yaml; whether yours is right

everywhere: -s KIND=DIR[,key=value...]    a system to watch; repeatable. Kinds: orket reflexive coherence aragora openclaw
            -C FILE                       configuration; default ./binnacle.yaml, ~/.config/binnacle/, /etc/binnacle/
            --read-only  --no-color  --ascii
            --at TIME                     judge ages and deadlines as of TIME

exit codes: 0 done, nothing needs a human   1 something needs a human (status)   2 usage or configuration
            3 a source can't be read   4 refused   5 failed   6 effect not seen   7 outcome unknown`;

/** Runs one invocation and returns its exit code. Throws UserError for what the operator can mend. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const verb = options.words[0] ?? '';
  if (options.flags.has('--help') || verb === 'help') {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (options.flags.has('--version')) {
    process.stdout.write(`${typeof BINNACLE_VERSION === 'string' ? BINNACLE_VERSION : 'source'}\n`);
    return 0;
  }
  switch (verb) {
    case '':
      return await screen(options, { orDemo: options.flags.has('--or-demo') });
    case 'demo':
      return await screen(options, { demo: true });
    case 'pane':
      return await screen(options, { pane: wordAt(options, 1, 'pane NAME') });
    case 'status':
    case 'list':
    case 'show':
      return await look(verb, options);
    case 'logs':
      return await logs(options);
    case 'act':
      return await act(options);
    case 'ledger':
      return await ledger(options);
    case 'config':
      return await config(options);
    default:
      throw new UserError(`there is no verb "${verb}"`, ['run `binnacle --help`']);
  }
}

async function screen(options: Options, wishes: CockpitWishes): Promise<number> {
  const { terminalProblem } = await import('./app/terminal-problem.ts');
  const problem = terminalProblem(process.stdin, process.stdout, process.env);
  if (problem !== undefined && wishes.demo) throw new UserError(`the demo needs a terminal: ${problem}`);
  if (problem !== undefined) {
    process.stderr.write(`binnacle: no cockpit here: ${problem}; this is \`binnacle status\`\n`);
    return await look('status', options);
  }
  const { openCockpit } = await import('./app/cockpit.ts');
  const { drawCockpit } = await import('../views/main.tsx');
  const { themeFrom } = await import('../views/theme.ts');
  const theme = themeFrom(process.env, {
    noColor: options.flags.has('--no-color'),
    ...(options.flags.has('--ascii') ? { ascii: true } : {}),
  });
  return await openCockpit(options, wishes, (given) => drawCockpit({ ...given, theme }));
}

async function outputs(): Promise<Output> {
  const { streamOutput } = await import('./headless/output.ts');
  return streamOutput(process.stdout, process.stderr);
}

async function look(verb: 'status' | 'list' | 'show', options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const output = await outputs();
  const json = options.flags.has('--json');
  const { state, verbs, close } = await openEngine(options, { withActs: 'if there' });
  try {
    switch (verb) {
      case 'status': {
        const { printStatus } = await import('./headless/status.ts');
        const form = json ? 'json' : options.flags.has('--tmux') ? 'tmux' : 'text';
        return printStatus(state(), { form, all: options.flags.has('--all') }, output);
      }
      case 'list': {
        const { printList } = await import('./headless/list.ts');
        return printList(options.words[1], state(), verbs(), json, output);
      }
      case 'show': {
        const { printEntity } = await import('./headless/show.ts');
        return printEntity(options.words[1], options.words[2], state(), json, output);
      }
    }
  } finally {
    await close();
    await output.flush();
  }
}

async function logs(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { printLogs } = await import('./headless/logs.ts');
  const output = await outputs();
  const follow = options.flags.has('--follow');
  const { logQuery, lineCount } = await import('./app/verb-arguments.ts');
  const query = logQuery(options);
  const { engine, close } = await openEngine(options, { withActs: 'never', watch: follow });
  try {
    const ended = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
    });
    const lines = lineCount(options) ?? (query.since === undefined ? 100 : undefined);
    return await printLogs(
      engine,
      { query, lines, follow, json: options.flags.has('--json') },
      output,
      ended,
    );
  } finally {
    await close();
    await output.flush();
  }
}

async function act(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { runAct } = await import('./headless/act.ts');
  const { actParams } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const dryRun = options.flags.has('--dry-run');
  const { engine, state, close } = await openEngine(options, { withActs: dryRun ? 'rehearse' : 'create' });
  try {
    return await runAct(
      engine,
      state(),
      {
        act: options.words[1],
        target: options.words[2],
        params: actParams(options.values.get('--param') ?? []),
        reason: options.values.get('--reason')?.at(-1),
        yes: options.flags.has('--yes'),
        code: options.values.get('--confirm')?.at(-1),
        dryRun,
        json: options.flags.has('--json'),
      },
      output,
    );
  } finally {
    await close();
    await output.flush();
  }
}

async function ledger(options: Options): Promise<number> {
  const { readLedger, verifyLedger } = await import('./app/ledger-verb.ts');
  const { printLedger, printVerdict } = await import('./headless/ledger.ts');
  const { lineCount } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const json = options.flags.has('--json');
  const word = options.words[1];
  try {
    if (word === 'verify') return printVerdict(verifyLedger(), json, output);
    if (word !== undefined)
      throw new UserError(`\`ledger ${word}\` is not known`, ['`binnacle ledger [verify]`']);
    return printLedger(readLedger(lineCount(options)), json, output);
  } finally {
    await output.flush();
  }
}

async function config(options: Options): Promise<number> {
  const { describeConfig, checkOwnConfig } = await import('./app/config-verb.ts');
  const word = options.words[1];
  if (word === 'schema') process.stdout.write(`${describeConfig()}\n`);
  else if (word === 'check') process.stdout.write(`${checkOwnConfig(options, process.cwd())}\n`);
  else throw new UserError('`binnacle config schema` or `binnacle config check`');
  return 0;
}

function wordAt(options: Options, index: number, usage: string): string {
  const word = options.words[index];
  if (word === undefined) throw new UserError(`\`binnacle ${usage}\``);
  return word;
}
