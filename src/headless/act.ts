import type { ActEntry, ActPreview, Params, StageState } from '../domain/act.ts';
import type { Entity } from '../domain/entity.ts';
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
  readonly target: string;
  readonly params: Params;
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly code: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `binnacle act`: preview, confirmation, start, and the wait for what the world says. Returns the exit code. */
export async function runAct(
  engine: EnginePort,
  state: CockpitState,
  options: ActOptions,
  output: Output,
): Promise<number> {
  const { act } = options;
  const offered = await actTargets(engine, state, act, options.target);
  const target = { system: offered.system, type: offered.type, id: offered.id } as const;
  const preview = await engine.call('preview', { act, target, params: options.params });
  if (options.dryRun) {
    printPreview(preview, options.json, output);
    return preview.refused === undefined ? 0 : 4;
  }
  if (preview.refused !== undefined) return refuse(preview.refused, options, output);
  const missing = missingConfirmation(preview, options);
  if (missing !== undefined) {
    if (!options.json) printPreview(preview, false, output);
    return refuse(missing, options, output);
  }
  const started = await engine.call('start', {
    act,
    target,
    params: options.params,
    revision: preview.revision,
    ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    confirmedBy: preview.confirmation === 'none' ? 'none' : options.code === undefined ? 'yes' : 'code',
    ...(options.code === undefined ? {} : { code: options.code }),
  });
  if (started.refused !== undefined) return refuse(started.refused, options, output);
  if (started.read) {
    if (options.json) output.json({ act, answer: started.read }, true);
    else {
      output.line(safeText(started.read.summary));
      for (const section of started.read.sections ?? []) {
        output.line(safeText(''));
        output.line(safeText(`${section.title}:`));
        for (const line of safeLines(section.text)) output.line(safeText(`  ${line}`));
      }
    }
    return started.read.ok ? 0 : 5;
  }
  if (started.order === undefined) throw new Error('the engine started nothing and refused nothing');
  return await follow(engine, started.order, options, output);
}

async function actTargets(
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

function missingConfirmation(preview: ActPreview, options: ActOptions): string | undefined {
  switch (preview.confirmation) {
    case 'none':
      return undefined;
    case 'yes':
      return options.yes || options.code !== undefined ? undefined : 'not confirmed: add --yes';
    case 'yes-and-reason':
      if (!options.yes && options.code === undefined) return 'not confirmed: add --yes and --reason TEXT';
      return options.reason ? undefined : 'a reason is needed: --reason TEXT';
    case 'code':
      if (options.code === undefined) return `not confirmed: add --confirm ${preview.code ?? 'CODE'}`;
      return options.code === preview.code
        ? undefined
        : `the code is not ${options.code}: what was shown has changed, or it was mistyped`;
  }
}

function refuse(why: string, options: ActOptions, output: Output): number {
  if (options.json) output.json({ refused: why });
  else output.note(safeText(`refused: ${why}`));
  return 4;
}

/** What would run, word by word; the real run prints and records the same text. */
function printPreview(preview: ActPreview, json: boolean, output: Output): void {
  if (json) {
    output.json(withIsoTimes(preview), true);
    return;
  }
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
): Promise<number> {
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
  if (options.json) {
    output.json(
      { ...(actJson(done) as object), answer: done.answer ?? null, output: done.outputTail ?? null },
      true,
    );
  } else {
    output.line(safeText(`${done.act} ${done.targetTitle}: ${statusText(done)}`));
    if (done.answer) {
      for (const section of done.answer.sections ?? []) {
        output.line(safeText(`${section.title}:`));
        for (const line of safeLines(section.text)) output.line(safeText(`  ${line}`));
      }
    }
  }
  return exitCodeOf(done.status);
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
