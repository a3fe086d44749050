import type { ActMenu, Confirmation, Risk } from '../domain/act.ts';
import { type ActRules, ruleCovers } from '../domain/act-rules.ts';
import type { Entity } from '../domain/entity.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import { assertNever } from '../lib/assert-never.ts';
import { shellQuote } from './shell-text.ts';

/** What the configuration says about acts on one system. */
export interface SystemPolicy {
  /** Of the whole cockpit (`--read-only`) or of this system. */
  readonly readOnly: boolean;
  /** `prod` raises each confirmation by one. */
  readonly environment?: string;
  /** User the acts must run as instead of the owner of the root; `*` leaves it open. */
  readonly runAs?: string;
  /** The lists of the configuration. */
  readonly rules?: ActRules;
}

/** Everything a decision about one act on one target depends on. */
export interface PolicyQuestion {
  readonly act: { readonly id: string; readonly menu: ActMenu; readonly risk: Risk };
  readonly target: Entity;
  readonly policy: SystemPolicy;
  readonly root: string;
  /** Who would run it. */
  readonly user: { readonly uid: number | undefined; readonly name: string };
  /** Who owns the root; undefined when the root is not there. */
  readonly owner: { readonly uid: number; readonly user: string } | undefined;
  /** Another operator's hold on the target, if there is one. */
  readonly heldBy?: { readonly by: string; readonly until: Instant };
  /** The command line of this act, for the sudo line. */
  readonly commandLine: readonly string[];
}

/** How the act must be confirmed, or why it can't be done. */
export interface PolicyAnswer {
  readonly confirmation: Confirmation;
  readonly refused?: string;
}

/** Decides. Pure: the same question gives the same answer. */
export function decide(question: PolicyQuestion): PolicyAnswer {
  const { act, policy } = question;
  const asked = confirmationOf(act.risk, act.menu, policy.environment);
  const isReasonWanted = policy.rules?.reasonRequired.some((rule) => ruleCovers(rule, act.id)) === true;
  const confirmation = asked === 'yes' && isReasonWanted ? 'yes-and-reason' : asked;
  const refused = refusalOf(question);
  return refused === undefined ? { confirmation } : { confirmation, refused };
}

/** What a person must do to say yes. The card of an approval is its own confirmation, with a reason line. */
export function confirmationOf(risk: Risk, menu: ActMenu, environment: string | undefined): Confirmation {
  const raised = isProduction(environment);
  switch (risk) {
    case 'read':
      return 'none';
    case 'reversible':
      return menu === 'approve' || raised ? 'yes-and-reason' : 'yes';
    case 'costly':
      return raised && menu !== 'approve' ? 'code' : 'yes-and-reason';
    case 'destructive':
      return 'code';
    default:
      return assertNever(risk, 'risk');
  }
}

/** True for the environment whose acts are confirmed one step harder. */
export function isProduction(environment: string | undefined): boolean {
  return /^prod(uction)?$/i.test(environment?.trim() ?? '');
}

function refusalOf(question: PolicyQuestion): string | undefined {
  const { act, policy, heldBy } = question;
  const { allow = [], deny = [], readOnlyAt } = policy.rules ?? {};
  const without = allow.find(({ rules }) => !rules.some((rule) => ruleCovers(rule, act.id)));
  if (without) return `${act.id} is not on the list of allowed acts (${without.at})`;
  const denial = deny.find((rule) => ruleCovers(rule, act.id));
  if (denial) return `${act.id} is denied by "${denial.pattern}" (${denial.at})`;
  if (act.risk === 'read') return undefined;
  if (policy.readOnly) {
    const why = 'read-only: this cockpit changes nothing in this system';
    return readOnlyAt === undefined ? why : `${why} (${readOnlyAt})`;
  }
  return (
    payloadRefusal(question) ??
    (heldBy ? `held by ${heldBy.by} until ${toIso(heldBy.until)}` : undefined) ??
    userRefusal(question)
  );
}

/** An approval is a decision about something shown; where nothing can be shown there is nothing to say yes to. */
function payloadRefusal({ act, target }: PolicyQuestion): string | undefined {
  if (target.type !== 'approval' || act.menu !== 'approve') return undefined;
  if (target.status !== 'pending') return `nothing waits here any more: ${target.status}`;
  if (!target.answerable) return target.reason ?? 'this can only be watched';
  const isYes = act.id.endsWith('.approve');
  if (isYes && target.ask !== 'answer' && !target.payload?.text.trim())
    return `nothing to approve: ${target.reason ?? 'what is asked for is empty or could not be read'}`;
  return undefined;
}

/** Files left by another user break the owner's next write. */
function userRefusal({ policy, owner, user, root, commandLine }: PolicyQuestion): string | undefined {
  if (policy.runAs === '*') return undefined;
  if (!owner) return `the root is not there: ${root}`;
  const wanted = policy.runAs ?? owner.user;
  const isWanted = policy.runAs === undefined ? user.uid === owner.uid : user.name === wanted;
  if (isWanted) return undefined;
  const line = ['sudo', '-u', wanted, ...commandLine].map(shellQuote).join(' ');
  const { runAsAt } = policy.rules ?? {};
  const because =
    runAsAt === undefined ? `${root} belongs to ${owner.user}` : `acts run as ${wanted} (${runAsAt})`;
  return `${because}, this is ${user.name}: run it as ${wanted}: ${line}`;
}
