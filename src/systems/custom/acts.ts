import type { ActMenu, ParamSpec, Params, StageState } from '../../domain/act.ts';
import { menuOfAct } from '../../domain/act-menu.ts';
import { stateWord } from '../../domain/diff.ts';
import type { Entity, EntityType } from '../../domain/entity.ts';
import { messageOf } from '../../domain/error.ts';
import { addMs } from '../../domain/instant.ts';
import { isObject, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { fits, holdsFor, type Subject } from './condition.ts';
import { fieldAt, fillTemplate } from './field.ts';
import type { DescribedAct, DescribedStage } from './schema-act.ts';
import { describedRun, stepsOf } from './steps.ts';
import { type Condition, durationMs } from './words.ts';

/** An act of a described kind. Judged by the state of its target, never by the program's exit. */
export function actOf(act: DescribedAct): ActSpec {
  const type = entityTypeOf(act.applies.type);
  const stages = act.expect ?? [];
  const changing = stages.flatMap((stage) => stage.changed ?? []);
  return {
    id: act.id,
    title: act.title,
    menu: act.menu ?? menuOf(act.id),
    risk: act.risk,
    does: act.does,
    runs: act.steps.map(describedRun).join('; '),
    outcome: act.risk === 'read' ? 'the files are there' : stages.map((stage) => titleOf(stage)).join('; '),
    params: (act.params ?? []).map(paramOf),
    appliesTo: (target) => target.type === type,
    precondition: (view, target) => reasonAgainst(act, view, target),
    warnings: (view, target) =>
      (act.warn ?? []).flatMap(({ when, text }) =>
        !when || holds(when, view, target) ? [fillTemplate(text, recordOf(target))] : [],
      ),
    strands: (_view, target) => (act.strands ?? []).map((text) => fillTemplate(text, recordOf(target))),
    // A later restart is another one: what the first has changed is part of what the decision depends on.
    revision: (_view, target) =>
      JSON.stringify([stateWord(target), valuesAt([...(act.revision ?? []), ...changing], target)]),
    baseline: (_view, target) => valuesAt(changing, target),
    plan: (view, target, params) => stepsOf(act, view, target, params),
    ...(act.risk === 'read' ? { answerIsProof: true as const } : {}),
    expect: (view, order) => stages.map((stage) => stageOf(act, stage, view, order)),
    undo: {
      ...(act['undo-act'] === undefined ? {} : { act: act['undo-act'] }),
      text: act.undo ?? 'how to take it back is not described',
    },
  };
}

/** The type an act applies to as entities name it. */
export function entityTypeOf(type: string): EntityType {
  return (type === 'restore-point' ? 'restorePoint' : type) as EntityType;
}

/** An entity whose row names an act, with the menu the act stands in where its verb alone would tell another one. */
export function withMenu(entity: Entity, acts: readonly DescribedAct[]): Entity {
  const id = entity.attention?.act;
  if (!entity.attention || id === undefined) return entity;
  const menu = acts.find((one) => one.id === id)?.menu ?? menuOf(id);
  return menu === menuOfAct(id) ? entity : { ...entity, attention: { ...entity.attention, menu } };
}

/** Whether a condition holds of an entity as acts and playbooks see it. */
export function holds(condition: Condition, view: StateView, target: Entity): boolean {
  return holdsFor(condition, subjectOf(view, target)).holds;
}

/** The record an entity was made of, with its id. */
export function recordOf(target: Entity): { readonly [key: string]: Json } {
  const value = target.data?.['value'];
  return { ...(isObject(value) ? value : {}), id: target.id };
}

function subjectOf(view: StateView, target: Entity): Subject {
  const pid = target.data?.['pid'];
  const started = target.data?.['started'];
  return {
    value: recordOf(target),
    status: stateWord(target),
    alive: view.processes.some((one) => one.pid === pid && one.startedAt === started),
    now: view.now,
    zone: view.located.timezone,
  };
}

/** The menu the screen's key for this verb opens; approval cards are for what decides an approval. */
function menuOf(act: string): ActMenu {
  const menu = menuOfAct(act);
  return menu === 'approve' ? 'other' : menu;
}

function paramOf(given: NonNullable<DescribedAct['params']>[number]): ParamSpec {
  const { name, title, choices, hint, 'max-length': maxLength } = given;
  return {
    name,
    title,
    form: given.form ?? (choices === undefined ? 'text' : 'choice'),
    required: given.required ?? true,
    ...(choices === undefined ? {} : { choices }),
    ...(hint === undefined ? {} : { hint }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

function reasonAgainst(act: DescribedAct, view: StateView, target: Entity): string | undefined {
  const { status, where } = act.applies;
  const word = stateWord(target);
  if (status && !status.includes(word)) return `it is ${word}; wanted: ${status.join(', ')}`;
  const subject = subjectOf(view, target);
  if (where && !fits(where, subject)) return `it is not one this applies to: ${JSON.stringify(where)}`;
  const refusal = act.refuse?.find(({ when }) => holdsFor(when, subject).holds);
  if (refusal) return fillTemplate(refusal.because, recordOf(target));
  try {
    stepsOf(act, view, target, undefined);
  } catch (error) {
    return messageOf(error);
  }
  // What is so already would be taken for its effect.
  const needed = (act.expect ?? []).filter((stage) => !stage.optional);
  const isSoAlready = needed.every(
    (stage) =>
      !namesParams(stage) && isSeen(stage, target, subject, valuesAt(stage.changed ?? [], target), {}),
  );
  return needed.length > 0 && isSoAlready
    ? `${needed.map((stage) => titleOf(stage)).join(', ')}: that is so already`
    : undefined;
}

function namesParams({ where }: DescribedStage): boolean {
  return JSON.stringify(where ?? {}).includes('{params.');
}

function stageOf(act: DescribedAct, stage: DescribedStage, view: StateView, order: ActOrder): StageState {
  const target = view.entity(order.target.type as EntityType, order.target.id);
  const all = (act.expect ?? []).flatMap((one) => one.changed ?? []);
  const before = isObject(order.baseline) ? order.baseline : {};
  const word = target ? stateWord(target) : 'gone';
  const subject = target && subjectOf(view, target);
  const seen = isSeen(stage, target, subject, before, order.params);
  const against =
    !seen &&
    order.stepsDone > 0 &&
    act.contradicted !== undefined &&
    subject !== undefined &&
    isContradicted(act, subject);
  const now = target ? valuesAt(all, target) : {};
  const values = Object.entries(now).map(([path, value]) => `${path} ${JSON.stringify(value)}`);
  return {
    stage: stage.stage,
    title:
      target && stage.title !== undefined
        ? fillTemplate(stage.title, recordOf(target))
        : `${order.target.id} ${titleOf(stage)}`,
    state: seen ? 'seen' : against ? 'contradicted' : 'waiting',
    detail: [`it is ${word}`, ...values].join(', '),
    deadline: addMs(order.lastStepAt ?? order.startedAt, durationMs(stage.within)),
    required: stage.optional !== true,
    ...(seen ? { seenAt: view.now } : {}),
  };
}

function isContradicted({ contradicted }: DescribedAct, subject: Subject): boolean {
  const { status, where } = contradicted ?? {};
  return (!status || status.includes(subject.status ?? '')) && (!where || fits(where, subject));
}

function isSeen(
  stage: DescribedStage,
  target: Entity | undefined,
  subject: Subject | undefined,
  before: { readonly [path: string]: Json },
  params: Params,
): boolean {
  if (stage.gone) return target === undefined;
  if (!target || !subject) return false;
  if (stage.status && !stage.status.includes(subject.status ?? '')) return false;
  if (stage.where && !fits(stage.where, { ...subject, params })) return false;
  const now = valuesAt(stage.changed ?? [], target);
  return Object.entries(now).every(
    ([path, value]) => JSON.stringify(value) !== JSON.stringify(before[path] ?? null),
  );
}

function titleOf({ status, where, changed, gone, title }: DescribedStage): string {
  if (title !== undefined) return title;
  const parts = [
    ...(gone ? ['is gone'] : []),
    ...(status ? [`becomes ${status.join(' or ')}`] : []),
    ...(where ? [`has ${JSON.stringify(where)}`] : []),
    ...(changed ? [`another ${changed.join(', ')}`] : []),
  ];
  return parts.join(', ');
}

function valuesAt(paths: readonly string[], target: Entity): { readonly [path: string]: Json } {
  const record = recordOf(target);
  return Object.fromEntries(paths.map((path) => [path, fieldAt(record, path) ?? null]));
}
