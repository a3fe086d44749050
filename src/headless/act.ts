import type { ActEntry, ActOccasion, ActPreview, Params, StageState, StepAnswer } from '../domain/act.ts';
import { type ActList, listActs } from '../domain/act-list.ts';
import { endText } from '../domain/act-text.ts';
import { type Entity, type Ref, refOf } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { exitCodeOf } from '../domain/ledger.ts';
import type { EnginePort, StateChanges } from '../engine/protocol.ts';
import { safeLines, safeText } from '../lib/safe-text.ts';
import { clockText } from '../lib/time-text.ts';
import type { CockpitState } from '../store/state.ts';
import { actJson, withIsoTimes } from './json.ts';
import type { Output } from './output.ts';
import { findTarget } from './target.ts';

export interface ActOptions {
  readonly act: string;
  /** One item, or several of which each is shown, confirmed together, and done by itself. */
  readonly targets: readonly string[];
  /** The order it undoes: then target and act follow from that. */
  readonly undoes?: UndoneOrder;
  /** As given. */
  readonly params: Params;
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly code: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** An order, with what undoes it. */
export interface UndoneOrder {
  readonly order: string;
  readonly target: Ref;
  /** What was set before, where the act asks for values: taken where none are given. */
  readonly params?: Params;
}

/** The act that undoes an order. Throws UserError (exit 4) with the reason where nothing does. */
export async function actUndoing(
  engine: EnginePort,
  order: string,
): Promise<{ readonly act: string; readonly target: string; readonly undoes: UndoneOrder }> {
  const { offer, params, target, title, why } = await engine.call('undo', { order });
  const name = title === undefined ? order : `${order} (${title})`;
  if (why !== undefined || !offer || !target)
    throw new UserError(
      `${name} is not undone: ${why ?? 'nothing undoes it'}`,
      ['`binnacle list acts` names the orders'],
      4,
    );
  const undoes = { order, target, ...(params === undefined ? {} : { params }) };
  return { act: offer.act, target: `${target.system}/${target.id}`, undoes };
}

/** `binnacle act`: preview, confirmation, start, and the wait for what the world says. Returns the exit code. */
export async function runAct(
  engine: EnginePort,
  state: CockpitState,
  options: ActOptions,
  output: Output,
): Promise<number> {
  const { act } = options;
  const params = { ...options.undoes?.params, ...options.params };
  const previews: ActPreview[] = [];
  for (const text of options.targets) {
    const target = options.undoes?.target ?? refOf(await actTarget(engine, state, act, text));
    previews.push(await engine.call('preview', { act, target, params, ...occasionOf(options) }));
  }
  const list = listActs(previews);
  const first = previews[0] as ActPreview;
  const isOne = previews.length === 1;
  if (options.dryRun) {
    if (!options.json) printPreviews(list, output);
    else output.json(withIsoTimes(isOne ? first : list), true);
    return list.refused === undefined && previews.every(({ refused }) => refused === undefined) ? 0 : 4;
  }
  if (list.refused !== undefined) return refuse(list.refused, options, output);
  const confirmed = isOne ? first : list;
  const missing = missingConfirmation(confirmed, list.needsReason, options);
  if (missing !== undefined) {
    if (!options.json) printPreviews(list, output);
    return refuse(missing, options, output);
  }
  const ends: End[] = [];
  // Each is placed before the first is waited for: they take turns by themselves, in this order.
  for (const preview of previews) ends.push(await startOne(engine, preview, options));
  let worst = 0;
  const told: unknown[] = [];
  for (const [index, end] of ends.entries()) {
    const { code, json } = await tellEnd(engine, end, previews[index] as ActPreview, options, output);
    worst = Math.max(worst, code);
    told.push(json);
  }
  if (options.json) output.json(isOne ? told[0] : { act, results: told }, true);
  return worst;
}

function occasionOf({ undoes }: ActOptions): { readonly occasion?: ActOccasion } {
  return undoes ? { occasion: { undoes: undoes.order } } : {};
}

/** What came of asking for one item. */
type End = { readonly order?: string; readonly refused?: string; readonly read?: StepAnswer };

async function startOne(engine: EnginePort, preview: ActPreview, options: ActOptions): Promise<End> {
  if (preview.refused !== undefined) return { refused: preview.refused };
  // The letters of a list stand for those of each item in it: they follow from all of them.
  const byCode = preview.code !== undefined;
  return await engine.call('start', {
    act: options.act,
    target: preview.target,
    params: options.params,
    revision: preview.revision,
    ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
    ...occasionOf(options),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    confirmedBy: preview.confirmation === 'none' ? 'none' : byCode ? 'code' : 'yes',
    ...(preview.code === undefined ? {} : { code: preview.code }),
  });
}

/** Waits for the end of one item and tells it; its exit code, and what `--json` says of it. */
async function tellEnd(
  engine: EnginePort,
  end: End,
  preview: ActPreview,
  options: ActOptions,
  output: Output,
): Promise<{ readonly code: number; readonly json: unknown }> {
  const isOne = options.targets.length === 1;
  const name = isOne ? '' : `${preview.targetTitle}: `;
  if (end.refused !== undefined) {
    if (!options.json) output.note(safeText(`${name}refused: ${end.refused}`));
    return { code: 4, json: { ...(isOne ? {} : { target: preview.target }), refused: end.refused } };
  }
  if (end.read) {
    if (!options.json) {
      output.line(safeText(`${name}${end.read.summary}`));
      for (const section of end.read.sections ?? []) {
        output.line(safeText(''));
        output.line(safeText(`${section.title}:`));
        for (const line of safeLines(section.text)) output.line(safeText(`  ${line}`));
      }
    }
    return {
      code: end.read.ok ? 0 : 5,
      json: { act: options.act, ...(isOne ? {} : { target: preview.target }), answer: end.read },
    };
  }
  if (end.order === undefined) throw new Error('the engine started nothing and refused nothing');
  const done = await follow(engine, end.order, options, output);
  return {
    code: exitCodeOf(done.status),
    json: { ...(actJson(done) as object), answer: done.answer ?? null, output: done.outputTail ?? null },
  };
}

async function actTarget(
  engine: EnginePort,
  state: CockpitState,
  act: string,
  text: string,
): Promise<ReturnType<typeof findTarget>> {
  // An id may name a job and its approval; the one the act applies to is meant.
  const types = new Set<string>();
  const all = [...state.entities.values()].flatMap((map) => [...map.values()]);
  for (const entity of all) {
    if (!text.endsWith(entity.id)) continue;
    const { offers } = await engine.call('offers', {
      target: { system: entity.system, type: entity.type, id: entity.id },
    });
    if (offers.some((offer) => offer.act === act)) types.add(`${entity.system}/${entity.type}/${entity.id}`);
  }
  const isMeant = (entity: Entity): boolean => types.has(`${entity.system}/${entity.type}/${entity.id}`);
  const meant = all.filter((entity) => entity.type === 'approval' && isMeant(entity));
  // A job that waits and the approval it waits for are one thing to decide.
  const target = findTarget(
    state,
    text,
    meant.length > 0 ? (entity) => entity.type === 'approval' && isMeant(entity) : isMeant,
  );
  if (types.size === 0) {
    const { offers } = await engine.call('offers', {
      target: { system: target.system, type: target.type, id: target.id },
    });
    throw new UserError(`${act} does not apply to ${target.type} ${target.system}/${target.id}`, [
      offers.length > 0
        ? `acts for it: ${offers.map((offer) => offer.act).join(', ')}`
        : 'there is no act for it; `binnacle list verbs` names all acts',
    ]);
  }
  return target;
}

function missingConfirmation(
  { confirmation, code }: Pick<ActPreview, 'confirmation' | 'code'>,
  needsReason: boolean,
  options: ActOptions,
): string | undefined {
  switch (confirmation) {
    case 'none':
      return undefined;
    case 'yes':
      return options.yes || options.code !== undefined ? undefined : 'not confirmed: add --yes';
    case 'yes-and-reason':
      if (!options.yes && options.code === undefined) return 'not confirmed: add --yes and --reason TEXT';
      return options.reason ? undefined : 'a reason is needed: --reason TEXT';
    case 'code':
      if (options.code === undefined) return `not confirmed: add --confirm ${code ?? 'CODE'}`;
      if (options.code !== code)
        return `the code is not ${options.code}: what was shown has changed, or it was mistyped`;
      return needsReason && !options.reason ? 'a reason is needed: --reason TEXT' : undefined;
  }
}

function refuse(why: string, options: ActOptions, output: Output): number {
  if (options.json) output.json({ refused: why });
  else output.note(safeText(`refused: ${why}`));
  return 4;
}

/** What would run, word by word; the real run prints and records the same text. */
function printPreviews(list: ActList, output: Output): void {
  for (const { preview } of list.items) printPreview(preview, output);
  if (list.items.length < 2) return;
  const done = list.items.filter(({ preview }) => preview.refused === undefined).length;
  const code = list.code === undefined ? '' : ` ${list.code}`;
  output.line(
    safeText(`${done} of ${list.items.length} can be done, one confirmation: ${list.confirmation}${code}`),
  );
}

function printPreview(preview: ActPreview, output: Output): void {
  const line = (text: string): void => output.line(safeText(text));
  line(`${preview.title}: ${preview.targetTitle}`);
  line(
    `  system    ${preview.system}  ${preview.root}${preview.environment ? `  ${preview.environment}` : ''}`,
  );
  line(
    `  risk      ${preview.risk}, confirmation: ${preview.confirmation}${preview.code ? ` ${preview.code}` : ''}`,
  );
  for (const command of preview.commands) for (const part of safeLines(command)) line(`  runs      ${part}`);
  for (const warning of preview.warnings) line(`  warning   ${warning}`);
  for (const strand of preview.strands) line(`  strands   ${strand}`);
  for (const stage of preview.expected) line(`  expects   ${stage.stage}: ${stage.title}`);
  line(`  undo      ${preview.undo}`);
  if (preview.earlier) line(`  earlier   attempt ${preview.attempt - 1}: ${preview.earlier}`);
  if (preview.refused) line(`  refused   ${preview.refused}`);
}

async function follow(
  engine: EnginePort,
  order: string,
  options: ActOptions,
  output: Output,
): Promise<ActEntry> {
  let told = '';
  const done = await new Promise<ActEntry>((resolve) => {
    const look = (changes: StateChanges): void => {
      const entry = changes.acts?.find((one) => one.order === order);
      if (!entry) return;
      for (const stage of entry.stages) {
        const text = stageText(stage);
        if (!options.json && !told.includes(text)) {
          told += `${text}\n`;
          output.line(safeText(text));
        }
      }
      if (entry.status !== 'running') resolve(entry);
    };
    engine.subscribe(look);
  });
  if (!options.json) {
    output.line(safeText(`${done.act} ${done.targetTitle}: ${statusText(done)}`));
    output.line(
      safeText(`  ${endText(done) ?? ''}${isUndoable(done) ? `: binnacle act --undo ${done.order}` : ''}`),
    );
    if (done.answer) {
      for (const section of done.answer.sections ?? []) {
        output.line(safeText(`${section.title}:`));
        for (const line of safeLines(section.text)) output.line(safeText(`  ${line}`));
      }
    }
  }
  return done;
}

function isUndoable({ status, undoAct }: ActEntry): boolean {
  return undoAct !== undefined && status !== 'running' && status !== 'unknown';
}

function stageText(stage: StageState): string {
  const seen = stage.seenAt === undefined ? '' : ` ${clockText(stage.seenAt)}`;
  const word = { seen: 'seen', waiting: 'waiting for', contradicted: 'contradicted' }[stage.state];
  return `  ${word}: ${stage.title}${seen}${stage.detail ? ` (${stage.detail})` : ''}`;
}

function statusText(entry: ActEntry): string {
  const exit = entry.exitCode === undefined || entry.exitCode === null ? '' : `, exit ${entry.exitCode}`;
  return `${entry.status}${exit}${entry.summary ? `: ${entry.summary}` : ''}`;
}
