import type { ActOffer, ActPreview, ParamSpec, Params, Step } from '../domain/act.ts';
import { type Entity, refOf } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import { type ClaimState, RESTORE_ACT } from '../domain/order.ts';
import { codeOf } from '../lib/typed-code.ts';
import type { ActSpec, StateView } from '../systems/system.ts';
import type { Masker } from './mask.ts';
import { stepsRefusal } from './order.ts';
import { decide, type PolicyQuestion } from './policy.ts';
import { MASK } from './secret-rules.ts';
import { describeStep } from './step-text.ts';

/** What a preview is made of, beside the act and its target. */
export interface PlanContext {
  readonly view: StateView;
  readonly masker: Masker;
  /** The part of the policy's question that does not follow from act and target. */
  readonly question: Omit<PolicyQuestion, 'act' | 'target' | 'root' | 'commandLine'>;
  /** Why the record of an act can't be written in its place, where that is so: then it takes a typed yes. */
  readonly recordAside?: string;
  /** State of the key this act on this revision would claim; asked for acts that are not `read`. */
  claim(act: Pick<ActSpec, 'id' | 'menu'>, revision: string): ClaimState;
}

/** Longest accepted text of a parameter, in characters. */
const LONGEST_PARAM = 4_000;

/** A preview together with the steps as they would run: the preview's own texts are masked. */
export interface Planned {
  readonly preview: ActPreview;
  readonly steps: readonly Step[];
  readonly claim: ClaimState;
}

/** Plans an act on one target: what it would do, what it needs, why not. A kind's failure is a refusal, not an exception. */
export function planAct(spec: ActSpec, target: Entity, params: Params, context: PlanContext): Planned {
  const { view, masker } = context;
  const revision = attempt(() => spec.revision(view, target)) ?? '';
  const free: ClaimState = { nextAttempt: 1, free: true };
  const claim = spec.risk === 'read' ? free : context.claim(spec, revision);
  const known = spec.params.map((param) => param.name);
  const given = Object.fromEntries(Object.entries(params).filter(([name]) => known.includes(name)));
  const unfit = unable(spec, target, context) ?? paramsRefusal(spec.params, params);
  let steps: readonly Step[] = [];
  let unplanned: string | undefined;
  if (unfit === undefined) {
    try {
      steps = spec.plan(view, target, given);
      unplanned = planRefusal(spec, steps, target, given) ?? secretRefusal(spec, steps, target, context);
    } catch (error) {
      unplanned = messageOf(error);
    }
  }
  // Asked after planning: what an operator may not do here they may well want to see.
  const policy = decide(questionOf(spec, target, context));
  const aside = spec.risk === 'read' ? undefined : context.recordAside;
  const confirmation = aside === undefined ? policy.confirmation : 'code';
  const refused = unfit ?? policy.refused ?? unplanned ?? claimRefusal(claim);
  const digest = target.type === 'approval' ? target.payloadDigest : undefined;
  const environment = context.question.policy.environment;
  const preview: ActPreview = masker.value({
    act: spec.id,
    title: spec.title,
    system: target.system,
    root: view.located.root,
    ...(environment === undefined ? {} : { environment }),
    target: refOf(target),
    targetTitle: target.title,
    params: given,
    steps,
    commands: steps.map(describeStep),
    risk: spec.risk,
    confirmation,
    ...(confirmation === 'code'
      ? { code: codeOf([spec.id, target.system, target.id, revision, digest ?? '']) }
      : {}),
    ...(refused === undefined ? {} : { refused }),
    warnings: [
      ...(aside === undefined ? [] : [`its record can't be written in its place: ${aside}`]),
      ...list(() => spec.warnings?.(view, target, given)),
    ],
    strands: list(() => spec.strands?.(view, target, given)),
    expected: steps.length > 0 ? list(() => expectedOf(spec, target, given, revision, context)) : [],
    undo: spec.undo?.text ?? 'cannot be undone',
    ...undoActOf(spec, steps),
    revision,
    ...(digest === undefined ? {} : { payloadDigest: digest }),
    attempt: claim.nextAttempt,
    ...(claim.last && claim.free ? { earlier: earlierText(claim.last) } : {}),
  });
  return { preview, steps, claim };
}

/** The act that compensates it: the one its kind names; where all it does is to change files, putting them back. */
function undoActOf(spec: ActSpec, steps: readonly Step[]): Pick<ActPreview, 'undoAct'> {
  if (spec.undo?.act !== undefined) return { undoAct: spec.undo.act };
  return steps.length > 0 && steps.every(({ type }) => type === 'file') ? { undoAct: RESTORE_ACT } : {};
}

/** What can be done to a target, with the reason where it can't be done now. */
export function offersOf(
  acts: readonly ActSpec[],
  target: Entity,
  context: PlanContext,
): readonly ActOffer[] {
  const offers: ActOffer[] = [];
  for (const spec of acts) {
    if (attempt(() => spec.appliesTo(target)) !== true) continue;
    const disabled = notNow(spec, target, context) ?? busyText(spec, target, context);
    offers.push({
      act: spec.id,
      title: spec.title,
      menu: spec.menu,
      risk: spec.risk,
      params: spec.params,
      does: spec.does,
      ...(disabled === undefined ? {} : { disabled: context.masker.text(disabled) }),
    });
  }
  return offers;
}

/** Why the values given for an act's parameters don't do; undefined when they do. */
export function paramsRefusal(specs: readonly ParamSpec[], params: Params): string | undefined {
  for (const name of Object.keys(params)) {
    if (!specs.some((spec) => spec.name === name))
      return `no parameter "${name.slice(0, 40)}"; there ${specs.length === 0 ? 'are none' : `is ${specs.map((spec) => spec.name).join(', ')}`}`;
  }
  for (const spec of specs) {
    const value = Object.hasOwn(params, spec.name) ? params[spec.name] : undefined;
    if (value === undefined || value.trim() === '') {
      if (spec.required) return `${spec.title} is needed`;
      continue;
    }
    const longest = spec.maxLength ?? LONGEST_PARAM;
    if (value.length > longest) return `${spec.title} is longer than ${longest} characters`;
    if (value.includes('\0')) return `${spec.title} holds a NUL character`;
    if (spec.form === 'text' && /[\r\n]/.test(value)) return `${spec.title} must be one line`;
    if (spec.form === 'choice' && !spec.choices?.includes(value))
      return `${spec.title} is one of ${spec.choices?.join(', ') ?? 'none'}`;
  }
  return undefined;
}

function notNow(spec: ActSpec, target: Entity, context: PlanContext): string | undefined {
  return unable(spec, target, context) ?? decide(questionOf(spec, target, context)).refused;
}

/** Why the kind says that it can't be done now. */
function unable(spec: ActSpec, target: Entity, context: PlanContext): string | undefined {
  if (attempt(() => spec.appliesTo(target)) !== true)
    return `${spec.title} does not apply to a ${target.type}`;
  // The entity goes by another name here, which its program does not know.
  if (target.id.includes(MASK)) return 'its name holds what looks like a secret, and acts are recorded';
  try {
    return spec.precondition(context.view, target);
  } catch (error) {
    return `whether it can be done is not known: ${messageOf(error)}`;
  }
}

function busyText(spec: ActSpec, target: Entity, context: PlanContext): string | undefined {
  if (spec.risk === 'read') return undefined;
  const revision = attempt(() => spec.revision(context.view, target));
  return revision === undefined
    ? 'what it would depend on is not known'
    : claimRefusal(context.claim(spec, revision));
}

/** Why a key that is not free can't be claimed now. */
export function claimRefusal(claim: ClaimState): string | undefined {
  if (claim.free) return undefined;
  const last = claim.last;
  if (!last) return 'it was done before';
  const what = `${last.act} by ${last.user} (order ${last.id})`;
  if (last.status !== 'finished') return `it is being done: ${what}`;
  if (last.outcome === 'unknown') return `its outcome is unknown, a person must settle it first: ${what}`;
  return `it was done: ${what}, ${last.outcome ?? 'ended'}; what it depends on has not changed since`;
}

function earlierText(last: NonNullable<ClaimState['last']>): string {
  // Of one that was settled the summary says by whom: not always by who did it.
  if (last.outcome === 'settled' && last.progress.summary) return last.progress.summary;
  return `${last.outcome ?? 'ended'} by ${last.user}${last.progress.summary ? `: ${last.progress.summary}` : ''}`;
}

function questionOf(spec: ActSpec, target: Entity, context: PlanContext): PolicyQuestion {
  return {
    ...context.question,
    act: spec,
    target,
    root: context.view.located.root,
    commandLine: ['binnacle', 'act', spec.id, `${target.system}/${target.id}`],
  };
}

function planRefusal(
  spec: ActSpec,
  steps: readonly Step[],
  target: Entity,
  params: Params,
): string | undefined {
  if (spec.risk === 'read') {
    if (steps.length > 0 && steps.every((step) => step.type === 'read')) return undefined;
    return `${spec.id} says that it only reads, and would do more`;
  }
  return stepsRefusal(steps, { targetId: target.id, params });
}

/** Orders are stored, exactly as they are carried out: a secret in one would stay in the file, and in its backups. */
function secretRefusal(
  spec: ActSpec,
  steps: readonly Step[],
  target: Entity,
  { masker, view }: PlanContext,
): string | undefined {
  if (spec.risk === 'read') return undefined;
  const isSecret = (kept: unknown): boolean => masker.value(kept) !== kept;
  if (isSecret(steps))
    return 'it holds what looks like a secret, and orders are stored: put it into the env-file and name the variable';
  if (isSecret(view.located.url) || isSecret(view.located.extra))
    return 'the configuration of its system holds what looks like a secret, and orders are stored: name the variable it is in';
  const seen = [spec.revision(view, target), spec.baseline?.(view, target)];
  return isSecret(seen)
    ? 'what it depends on holds what looks like a secret, and that is stored with the order'
    : undefined;
}

function expectedOf(
  spec: ActSpec,
  target: Entity,
  params: Params,
  revision: string,
  { view }: PlanContext,
): ActPreview['expected'] {
  return spec.expect(view, {
    order: 'preview',
    act: spec.id,
    target: refOf(target),
    params,
    startedAt: view.now,
    revision,
    baseline: spec.baseline?.(view, target) ?? null,
    stepsDone: 0,
  });
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}

function list<T>(task: () => readonly T[] | undefined): readonly T[] {
  return attempt(task) ?? [];
}
