/**
 * The command line behind the launcher. Each verb loads what it needs and nothing more: a verb that prints never loads
 * the screen.
 */

import type { CockpitWishes } from './app/cockpit.ts';
import { type Options, parseOptions } from './config/options.ts';
import { helpOf, VERBS } from './config/verbs.ts';
import { UserError } from './domain/error.ts';
import type { Output } from './headless/output.ts';

declare const BINNACLE_VERSION: string | undefined;

/** Runs one invocation and returns its exit code. Throws UserError for what the operator can mend. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const verb = options.words[0] ?? '';
  if (!VERBS.some(({ name }) => name === verb)) {
    throw new UserError(`there is no verb "${verb}"`, [`verbs: ${verbNames()}`, 'run `binnacle --help`']);
  }
  if (options.flags.has('--help')) return printHelp(verb === 'help' ? (options.words[1] ?? '') : verb);
  if (options.flags.has('--version')) {
    process.stdout.write(`${typeof BINNACLE_VERSION === 'string' ? BINNACLE_VERSION : 'source'}\n`);
    return 0;
  }
  checkWords(verb, options.words.length);
  switch (verb) {
    case 'help':
      return printHelp(options.words[1] ?? '');
    case 'demo':
      return await demo(options);
    case '':
      return await screen(options, { orDemo: options.flags.has('--or-demo') });
    case 'pane':
      return await screen(options, { pane: await paneNamed(options.words[1]) });
    case 'status':
    case 'list':
    case 'show':
      return await look(verb, options);
    case 'logs':
      return await logs(options);
    case 'act':
      return await act(options);
    case 'steps':
      return await steps(options);
    case 'ledger':
      return await ledger(options);
    case 'init':
      return await init(options);
    case 'timeline':
      return await timeline(options);
    case 'handover':
      return await handover(options);
    case 'config':
      return await config(options);
    case 'hooks':
      return await hooks(options);
    default:
      throw new Error(`the verb ${verb} is named and not written`);
  }
}

function verbNames(): string {
  return VERBS.flatMap(({ name }) => (name === '' ? [] : [name])).join(' ');
}

function printHelp(verb: string): number {
  const help = helpOf(verb);
  if (help === undefined) throw new UserError(`there is no verb "${verb}"`, [`verbs: ${verbNames()}`]);
  process.stdout.write(`${help}\n`);
  return 0;
}

/** The demo watches its own systems and nothing else: what names others was meant for another verb. */
async function demo(options: Options): Promise<number> {
  const other = ['--system', '--config', '--at'].find((name) => options.values.has(name));
  if (other !== undefined) {
    throw new UserError(`${other} is no option of \`binnacle demo\`: it watches its own systems alone`, [
      'leave `demo` out to watch yours',
    ]);
  }
  return await screen(options, { demo: true });
}

/** A word more than a verb takes was meant as something else, and is not passed over. */
function checkWords(verb: string, count: number): void {
  const most = VERBS.find(({ name }) => name === verb)?.words ?? 0;
  if (count - 1 > most) {
    throw new UserError(`\`binnacle ${verb}\` takes ${most === 0 ? 'no word' : `${most} at most`} after it`, [
      `quote a text with blanks in it; run \`binnacle ${verb} --help\``,
    ]);
  }
}

/** The pane of `binnacle pane NAME`, known before anything is opened. */
async function paneNamed(name: string | undefined): Promise<string> {
  const { paneNames } = await import('./app/pane-names.ts');
  const names = paneNames();
  if (name !== undefined && names.some((pane, index) => pane === name || String(index + 1) === name))
    return name;
  throw new UserError(name === undefined ? 'which pane?' : `there is no pane "${name}"`, [
    `panes: ${names.join(' ')}`,
  ]);
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
  return await openCockpit(options, wishes, async () => {
    const [{ drawCockpit }, { themeFrom }] = await Promise.all([
      import('../views/main.tsx'),
      import('../views/theme.ts'),
    ]);
    return ({ wantedTheme, ...given }) => {
      const ascii = options.flags.has('--ascii') || wantedTheme === 'ascii';
      const theme = themeFrom(process.env, {
        noColor: options.flags.has('--no-color') || wantedTheme === 'mono',
        ...(ascii ? { ascii } : {}),
      });
      return drawCockpit({ ...given, theme });
    };
  });
}

async function outputs(): Promise<Output> {
  const { streamOutput } = await import('./headless/output.ts');
  return streamOutput(process.stdout, process.stderr);
}

async function look(verb: 'status' | 'list' | 'show', options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const output = await outputs();
  const json = options.flags.has('--json');
  if (verb === 'list') (await import('./headless/list.ts')).checkListed(options.words[1]);
  if (verb === 'show') (await import('./headless/show.ts')).checkShown(options.words[1], options.words[2]);
  const isForBar = options.flags.has('--tmux');
  const withActs = verb === 'show' ? 'if there, or none' : 'if there';
  const { engine, state, verbs, troubles, close } = await openEngine(options, { withActs }).catch(
    (error: unknown) => {
      // A status bar shows no stderr: an empty place in it would look like a quiet night.
      if (isForBar) process.stdout.write('binnacle: no status\n');
      throw error;
    },
  );
  try {
    await tellTroubles(troubles);
    switch (verb) {
      case 'status': {
        const { printStatus } = await import('./headless/status.ts');
        const form = json ? 'json' : isForBar ? 'tmux' : 'text';
        const code = printStatus(state(), { form, all: options.flags.has('--all') }, output);
        // What is configured and not there comes before what is there and can't be read.
        return worstOf(troubles) || code;
      }
      case 'list': {
        const { printList } = await import('./headless/list.ts');
        const { tellUnread } = await import('./headless/unread.ts');
        const printed = printList(options.words[1], state(), verbs(), json, output);
        // These lists rest on no file of theirs, or say themselves what could not be read.
        if (['sources', 'systems', 'verbs', 'acts', 'attention'].includes(options.words[1] ?? ''))
          return printed;
        const unread = tellUnread(state(), output);
        return worstOf(troubles) || unread || printed;
      }
      case 'show': {
        const { printEntity } = await import('./headless/show.ts');
        return await printEntity(options.words[1], options.words[2], engine, state(), json, output);
      }
    }
  } finally {
    await close();
    await output.flush();
  }
}

function checkSystemNames(wanted: readonly string[], known: readonly string[]): void {
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new UserError(`--system ${unknown}: no system of that name is watched`, [
    `systems: ${known.join(', ')}`,
  ]);
}

/** Exit code of what is wrong beside: a system that was named and is not there comes before all else. */
function worstOf(troubles: readonly UserError[]): number {
  return Math.max(0, ...troubles.map((trouble) => trouble.exitCode));
}

/** What is wrong beside what was asked for, on stderr: the answer itself stays whole. */
async function tellTroubles(troubles: readonly UserError[]): Promise<void> {
  if (troubles.length === 0) return;
  const { safeLines } = await import('./lib/safe-text.ts');
  for (const { message, nextSteps } of troubles) {
    const lines = [`binnacle: ${message}`, ...nextSteps.map((step) => `  ${step}`)].flatMap((line) =>
      safeLines(line),
    );
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}

async function logs(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { printLogs } = await import('./headless/logs.ts');
  const { tellUnread } = await import('./headless/unread.ts');
  const output = await outputs();
  const follow = options.flags.has('--follow');
  const { logQuery, lineCount } = await import('./app/verb-arguments.ts');
  const query = logQuery(options);
  const lines = lineCount(options) ?? (query.since === undefined ? 100 : undefined);
  const { engine, state, troubles, close } = await openEngine(options, { withActs: 'never', watch: follow });
  try {
    await tellTroubles(troubles);
    checkSystemNames(
      options.systemNames,
      state().systems.map((system) => system.id),
    );
    const { verbEnd } = await import('./app/verb-end.ts');
    const unread = tellUnread(state(), output, ['log', 'stream']);
    const code = await printLogs(
      engine,
      { query, lines, follow, json: options.flags.has('--json') },
      output,
      follow ? verbEnd() : Promise.resolve(),
    );
    return worstOf(troubles) || code || unread;
  } finally {
    await close();
    await output.flush();
  }
}

async function act(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { actUndoing, runAct } = await import('./headless/act.ts');
  const { actParams } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const dryRun = options.flags.has('--dry-run');
  const [, actId, ...targets] = options.words;
  const undone = options.values.get('--undo')?.at(-1);
  if (undone !== undefined && actId !== undefined) {
    throw new UserError('--undo names an order, and act and target follow from it', [
      `binnacle act --undo ${undone}`,
    ]);
  }
  if (undone === undefined && (actId === undefined || targets.length === 0)) {
    throw new UserError('`binnacle act ACT TARGET...`', ['`binnacle list verbs` names the acts']);
  }
  const params = actParams(options.values.get('--param') ?? []);
  const { engine, state, troubles, close } = await openEngine(options, {
    withActs: dryRun ? 'rehearse' : 'create',
  });
  try {
    await tellTroubles(troubles);
    const undoing = undone === undefined ? undefined : await actUndoing(engine, undone);
    return await runAct(
      engine,
      state(),
      {
        act: undoing?.act ?? actId ?? '',
        targets: undoing ? [undoing.target] : targets,
        ...(undoing ? { undoes: undoing.undoes } : {}),
        params,
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

async function steps(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { runSteps } = await import('./headless/steps.ts');
  const { stepWish } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const wish = stepWish(options);
  const target = options.words[1];
  if (target === undefined)
    throw new UserError('whose steps? `binnacle steps TARGET`', [
      '`binnacle list attention` names what has some',
    ]);
  const withActs = wish ? 'create' : 'if there, or none';
  const { engine, state, troubles, close } = await openEngine(options, { withActs });
  try {
    await tellTroubles(troubles);
    return await runSteps(engine, state(), { target, wish, json: options.flags.has('--json') }, output);
  } finally {
    await close();
    await output.flush();
  }
}

async function ledger(options: Options): Promise<number> {
  const { ledgerErrand } = await import('./app/ledger-arguments.ts');
  const errand = ledgerErrand(options);
  const verb = await import('./app/ledger-verb.ts');
  const { exportedRecord, printLedger, printRepair, printSealed, printVerdicts } = await import(
    './headless/ledger.ts'
  );
  const output = await outputs();
  const json = options.flags.has('--json');
  try {
    switch (errand.do) {
      case 'list':
        return printLedger(verb.listLedgers(errand.filter, errand.limit), json, output);
      case 'verify':
        return printVerdicts(
          errand.files.length > 0
            ? verb.verifyLedgerFiles(errand.files, exportedRecord)
            : verb.verifyLedgers(),
          json,
          output,
        );
      case 'seal':
        return printSealed(verb.sealOwnLedger(errand.before), output);
      case 'repair':
        return printRepair(verb.repairOwnLedger(), output);
    }
  } finally {
    await output.flush();
  }
}

async function init(options: Options): Promise<number> {
  const { initHost } = await import('./app/init-verb.ts');
  const { safeText } = await import('./lib/safe-text.ts');
  const output = await outputs();
  for (const line of initHost(options)) output.line(safeText(line));
  await output.flush();
  return 0;
}

async function hooks(options: Options): Promise<number> {
  if (options.words[1] !== 'test') {
    throw new UserError(
      options.words[1] === undefined ? 'hooks what?' : `\`hooks ${options.words[1]}\` is not known`,
      ['`binnacle hooks test` hands a test event to every hook'],
    );
  }
  const { tryHooks } = await import('./app/hooks-verb.ts');
  const { safeText } = await import('./lib/safe-text.ts');
  const { stdout } = process;
  const tried = await tryHooks(
    options,
    process.cwd(),
    stdout.isTTY ? (bytes) => stdout.write(bytes) : undefined,
  );
  for (const { name, outcome } of tried) {
    stdout.write(`${safeText(`${name}: ${outcome.ok ? outcome.value : `FAILED: ${outcome.error}`}`)}\n`);
  }
  if (tried.length === 0) stdout.write('there are no hooks\n');
  return tried.every(({ outcome }) => outcome.ok) ? 0 : 5;
}

async function timeline(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { incidentReport } = await import('./app/timeline-verb.ts');
  const { printTimeline } = await import('./headless/timeline.ts');
  const { lineCount, timelineSpan } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const span = timelineSpan(options);
  const lines = lineCount(options) ?? 3;
  const form = options.flags.has('--json') ? 'json' : options.flags.has('--markdown') ? 'markdown' : 'text';
  const { engine, state, troubles, close } = await openEngine(options, { withActs: 'if there' });
  try {
    await tellTroubles(troubles);
    checkSystemNames(
      options.systemNames,
      state().systems.map((system) => system.id),
    );
    return printTimeline(await incidentReport(engine, state(), span, lines), form, output);
  } finally {
    await close();
    await output.flush();
  }
}

async function handover(options: Options): Promise<number> {
  const { openEngine } = await import('./app/verb-engine.ts');
  const { printHandOver } = await import('./headless/handover.ts');
  const { handOverRequest } = await import('./app/verb-arguments.ts');
  const output = await outputs();
  const request = handOverRequest(options);
  const { engine, troubles, close } = await openEngine(options, { withActs: 'if there', withHistory: true });
  try {
    await tellTroubles(troubles);
    return printHandOver(await engine.call('handOver', request), options.flags.has('--json'), output);
  } finally {
    await close();
    await output.flush();
  }
}

async function config(options: Options): Promise<number> {
  const { describeConfig, checkOwnConfig } = await import('./app/config-verb.ts');
  const word = options.words[1];
  if (word === 'schema') process.stdout.write(`${describeConfig()}\n`);
  else if (word === 'check') process.stdout.write(`${checkOwnConfig(options, process.cwd())}\n`);
  else {
    throw new UserError(word === undefined ? 'config what?' : `\`config ${word}\` is not known`, [
      '`binnacle config schema` prints the keys of binnacle.yaml',
      '`binnacle config check` says whether yours is right',
    ]);
  }
  return 0;
}
