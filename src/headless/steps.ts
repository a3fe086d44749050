import type { Entity } from '../domain/entity.ts';
import { refOf } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import { type PlaybookView, type StepView, type StepWish, stepCounts } from '../domain/steps.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { safeText } from '../lib/safe-text.ts';
import type { CockpitState } from '../store/state.ts';
import { withIsoTimes } from './json.ts';
import type { Output } from './output.ts';
import { findTarget } from './target.ts';

/** The playbook of an entity with the state of each step; null where none is written for it. */
export async function stepsOf(
  engine: Pick<EnginePort, 'call'>,
  entity: Entity,
): Promise<PlaybookView | null> {
  return (await engine.call('playbook', { target: refOf(entity) })).playbook;
}

/** `binnacle steps`: shows the steps of an item, after recording what is wished. Exit 4 when that was refused. */
export async function runSteps(
  engine: Pick<EnginePort, 'call'>,
  state: CockpitState,
  {
    target,
    wish,
    json,
  }: { readonly target: string; readonly wish: StepWish | undefined; readonly json: boolean },
  output: Output,
): Promise<number> {
  const entity = findTarget(state, target, (one) => (one.attention?.playbook ?? one.playbook) !== undefined);
  const before = await stepsOf(engine, entity);
  if (!before)
    throw new UserError(`no steps are written for ${entity.type} ${entity.system}/${entity.id}`, [
      '`binnacle list attention --json` names the playbook of each item that has one',
    ]);
  const why = wish && (await record(engine, entity, before, wish));
  const playbook = wish ? ((await stepsOf(engine, entity)) ?? before) : before;
  if (json) output.json(stepsJson(playbook), true);
  else printSteps(playbook, output);
  if (why === undefined) return 0;
  output.note(safeText(`not recorded: ${why}`));
  return 4;
}

async function record(
  engine: Pick<EnginePort, 'call'>,
  entity: Entity,
  playbook: PlaybookView,
  { number, note, state }: StepWish,
): Promise<string | undefined> {
  const step = playbook.steps[number - 1];
  if (!step) throw new UserError(`there is no step ${number}`, [`steps: 1 to ${playbook.steps.length}`]);
  const { done, why } = await engine.call('markStep', {
    ...{ item: refOf(entity), playbook: playbook.id, index: number - 1, text: step.text, state },
    ...(note === undefined ? {} : { remark: note }),
  });
  return done ? undefined : (why ?? 'no reason given');
}

/** Steps as `--json` prints them: every field is there, null where nothing is known. */
export function stepsJson({ id, title, next, run, steps }: PlaybookView): unknown {
  return withIsoTimes({
    playbook: id,
    title,
    next: next === undefined ? null : next + 1,
    run: run ?? null,
    steps: steps.map((step, index) => ({
      number: index + 1,
      type: step.type,
      text: step.text,
      state: step.state,
      act: step.act ?? null,
      target: step.target ? `${step.target.system}/${step.target.id}` : null,
      notNow: step.offer?.disabled ?? null,
      by: step.mark?.by ?? null,
      at: step.mark?.at ?? null,
      remark: step.mark?.remark ?? null,
      order: step.mark?.order ?? null,
      outcome: step.mark?.status ?? null,
    })),
  });
}

/** The steps as text, the next one marked. */
export function printSteps(playbook: PlaybookView, output: Output, indent = ''): void {
  const line = (text: string): void => output.line(safeText(`${indent}${text}`));
  const { done, skipped } = stepCounts(playbook);
  const { run } = playbook;
  const who = run ? `, ${run.lastBy} ${toIso(run.lastAt)}` : '';
  line(
    `${playbook.title}: ${done} of ${playbook.steps.length}${skipped > 0 ? `, ${skipped} skipped` : ''}${who}`,
  );
  for (const [index, step] of playbook.steps.entries()) {
    const sign = index === playbook.next ? '>' : ' ';
    line(`${sign} ${index + 1} ${step.state.padEnd(7)} ${step.text}${markWords(step)}`);
    if (step.type === 'act' && step.state !== 'done' && step.target)
      line(`            binnacle act ${step.act} ${step.target.system}/${step.target.id}${notNow(step)}`);
  }
}

function notNow({ offer }: StepView): string {
  if (!offer) return '  (does not apply now)';
  return offer.disabled === undefined ? '' : `  (not now: ${offer.disabled})`;
}

function markWords({ mark }: StepView): string {
  if (!mark) return '';
  const by = mark.by === '' ? 'seen' : mark.by;
  const outcome = mark.status === undefined ? '' : ` ${mark.status}`;
  return `  -- ${by} ${toIso(mark.at)}${outcome}${mark.remark === undefined ? '' : `: ${mark.remark}`}`;
}
