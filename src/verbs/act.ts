import { actParams } from '../app/verb-arguments.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import { actUndoing, runAct } from '../headless/act.ts';
import { withEngine } from './beside.ts';

/** `binnacle act ACT TARGET...`, and what undoes an order. */
export async function runActs(options: Options): Promise<number> {
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
  const withActs = dryRun ? 'rehearse' : 'create';
  return await withEngine(options, { withActs }, async ({ engine, state }, output) => {
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
  });
}
