/**
 * The command line behind the launcher: reads it, and hands it to the verb it names. A verb is a file in `verbs/`, a row
 * here, and its words in `config/verbs.ts`. Each is loaded when it is wanted: a verb that prints never loads the screen.
 */

import { type Options, parseOptions } from './config/options.ts';
import { helpOf, VERBS } from './config/verbs.ts';
import { UserError } from './domain/error.ts';

declare const BINNACLE_VERSION: string | undefined;

/** Does what one invocation asks for and returns its exit code. Throws UserError for what the operator can mend. */
type Run = (options: Options) => Promise<number>;

const RUNS: Readonly<Record<string, () => Promise<Run>>> = {
  '': async () => (await import('./verbs/cockpit.ts')).runCockpit,
  pane: async () => (await import('./verbs/cockpit.ts')).runPane,
  demo: async () => (await import('./verbs/cockpit.ts')).runDemo,
  status: async () => (await import('./verbs/status.ts')).runStatus,
  list: async () => (await import('./verbs/list.ts')).runList,
  show: async () => (await import('./verbs/show.ts')).runShow,
  logs: async () => (await import('./verbs/logs.ts')).runLogs,
  act: async () => (await import('./verbs/act.ts')).runActs,
  steps: async () => (await import('./verbs/steps.ts')).runPlaybook,
  ledger: async () => (await import('./verbs/ledger.ts')).runLedger,
  timeline: async () => (await import('./verbs/timeline.ts')).runTimeline,
  handover: async () => (await import('./verbs/handover.ts')).runHandOver,
  init: async () => (await import('./verbs/init.ts')).runInit,
  doctor: async () => (await import('./verbs/doctor.ts')).runDoctor,
  config: async () => (await import('./verbs/config.ts')).runConfig,
  hooks: async () => (await import('./verbs/hooks.ts')).runHooks,
  help: async () => async (options) => printHelp(options.words[1] ?? ''),
};

/** Runs one invocation and returns its exit code. Throws UserError for what the operator can mend. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const name = options.words[0] ?? '';
  const verb = VERBS.find((one) => one.name === name);
  if (verb === undefined) {
    throw new UserError(`there is no verb "${name}"`, [`verbs: ${verbNames()}`, 'run `binnacle --help`']);
  }
  if (options.flags.has('--help')) return printHelp(name === 'help' ? (options.words[1] ?? '') : name);
  if (options.flags.has('--version')) {
    process.stdout.write(`${typeof BINNACLE_VERSION === 'string' ? BINNACLE_VERSION : 'source'}\n`);
    return 0;
  }
  checkWords(name, verb.words, options.words.length - 1);
  const load = RUNS[name];
  if (load === undefined) throw new Error(`the verb ${name} is named and not written`);
  return await (await load())(options);
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

/** A word more than a verb takes was meant as something else, and is not passed over. */
function checkWords(verb: string, most: number, given: number): void {
  if (given <= most) return;
  throw new UserError(`\`binnacle ${verb}\` takes ${most === 0 ? 'no word' : `${most} at most`} after it`, [
    `quote a text with blanks in it; run \`binnacle ${verb} --help\``,
  ]);
}
