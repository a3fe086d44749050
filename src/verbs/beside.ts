/** What verbs have in common: where they write, and how they tell what is wrong beside what was asked for. */
import { ownMasker } from '../app/secrets.ts';
import { openEngine, type VerbEngine, type VerbNeeds } from '../app/verb-engine.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import { type Output, streamOutput } from '../headless/output.ts';
import { safeLines } from '../lib/safe-text.ts';

/** An engine that has looked at everything once, for the time of `task`; then all is closed and written out. */
export async function withEngine(
  options: Options,
  needs: VerbNeeds,
  task: (opened: VerbEngine, output: Output) => Promise<number> | number,
): Promise<number> {
  const output = verbOutput();
  const opened = await openEngine(options, needs);
  try {
    tellTroubles(opened.troubles);
    return await task(opened, output);
  } finally {
    await opened.close();
    await output.flush();
  }
}

/** The process's own streams. */
export function verbOutput(): Output {
  return streamOutput(process.stdout, process.stderr, ownMasker);
}

/** Exit code of what is wrong beside: a system that was named and is not there comes before all else. */
export function worstOf(troubles: readonly UserError[]): number {
  return Math.max(0, ...troubles.map((trouble) => trouble.exitCode));
}

/** Throws UserError where `--system NAME` names none that is watched. */
export function checkSystemNames(wanted: readonly string[], { state }: Pick<VerbEngine, 'state'>): void {
  const known: readonly string[] = state().systems.map(({ id }) => id);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new UserError(`--system ${unknown}: no system of that name is watched`, [
    `systems: ${known.join(', ')}`,
  ]);
}

/** On stderr: the answer itself stays whole. */
function tellTroubles(troubles: readonly UserError[]): void {
  for (const { message, nextSteps } of troubles) {
    const lines = [`binnacle: ${message}`, ...nextSteps.map((step) => `  ${step}`)].flatMap((line) =>
      safeLines(ownMasker.text(line)),
    );
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}
