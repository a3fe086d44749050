/** Hooks: what is to happen when something worth ringing for happened. Pure: what is wanted, and what it is handed. */
import type { Json } from '../lib/json.ts';
import { type Alert, type AlertSeverity, type AlertTopic, alertSeverities } from './alert.ts';
import { toIso } from './instant.ts';

/** What a hook does. `bell` and `osc9` are for the cockpit's own screen, the others happen once per host. */
export type HookDeed =
  | { readonly type: 'bell' }
  | { readonly type: 'osc9' }
  | {
      readonly type: 'program';
      /** `argv[0]` is absolute; no shell reads it. */
      readonly argv: readonly string[];
    }
  | {
      readonly type: 'webhook';
      readonly url: string;
      /** A header whose value is in a variable of the cockpit's environment. */
      readonly secretHeader?: { readonly name: string; readonly variable: string; readonly prefix?: string };
    };

/** One entry of `hooks:`. */
export interface Hook {
  readonly on: readonly AlertTopic[];
  /** Ids of the systems it is for; undefined: all. */
  readonly systems?: readonly string[];
  /** The mildest it fires for. */
  readonly severity: AlertSeverity;
  /** Also for what is already so when a cockpit is opened. */
  readonly atStart: boolean;
  /** For `deadline`: how long before it, in milliseconds. */
  readonly withinMs: number;
  readonly deed: HookDeed;
}

/** How long before a deadline a hook fires unless it says otherwise, in milliseconds. */
export const DEADLINE_WITHIN_MS = 15 * 60_000;

/**
 * Without a word in the configuration: the bell, for what stands still until somebody comes, and for what somebody asked
 * to be told. Approvals come by the dozen, acts are mostly one's own, and in tmux each bell marks the window.
 */
export const defaultHooks: readonly Hook[] = [
  {
    on: ['fatal', 'watch'],
    severity: 'info',
    atStart: false,
    withinMs: DEADLINE_WITHIN_MS,
    deed: { type: 'bell' },
  },
];

/** Whether a hook is for this event. */
export function isWanted(hook: Hook, alert: Alert): boolean {
  if (!hook.on.includes(alert.on)) return false;
  if (hook.systems !== undefined && !hook.systems.includes(alert.ref.system)) return false;
  if (severityRank(alert.severity) < severityRank(hook.severity)) return false;
  if (alert.isOld && !hook.atStart) return false;
  return alert.withinMs === undefined || alert.withinMs === hook.withinMs;
}

/** Several events that are told at once. */
export interface FoldedAlert {
  /** The worst of them, the oldest among equals. */
  readonly first: Alert;
  /** How many there are, `first` included. */
  readonly count: number;
  /** Some of the others, oldest first. */
  readonly others: readonly Alert[];
}

/** Others carried along with a folded event; the rest is in its count. */
const MAX_OTHERS = 20;

/** One more event told with those before it. */
export function folded(before: FoldedAlert | undefined, alert: Alert): FoldedAlert {
  if (before === undefined) return { first: alert, count: 1, others: [] };
  const isWorse = severityRank(alert.severity) > severityRank(before.first.severity);
  const [first, other] = isWorse ? [alert, before.first] : [before.first, alert];
  return { first, count: before.count + 1, others: [...before.others, other].slice(0, MAX_OTHERS) };
}

/** Longest text of an event, in UTF-16 units; a watched system may have put a whole log into a title. */
const MAX_TEXT = 2_000;

/** The event as programs and servers get it. `mask` takes secrets out of its texts. */
export function hookBody(event: FoldedAlert, host: string, mask: (text: string) => string): Json {
  const told = (alert: Alert): { readonly [key: string]: Json } => ({
    id: alert.id.slice(0, MAX_TEXT),
    on: alert.on,
    severity: alert.severity,
    at: toIso(alert.at),
    system: alert.ref.system,
    type: alert.ref.type,
    item: alert.ref.id.slice(0, MAX_TEXT),
    title: mask(alert.title.slice(0, MAX_TEXT)),
    text: mask(alert.text.slice(0, MAX_TEXT)),
    ...(alert.since === undefined ? {} : { since: toIso(alert.since) }),
    ...(alert.until === undefined ? {} : { until: toIso(alert.until) }),
    ...(alert.act === undefined ? {} : { act: { ...alert.act } }),
  });
  return {
    schema: 'binnacle-hook/1',
    host,
    ...(event.first.isTest ? { test: true } : {}),
    ...told(event.first),
    count: event.count,
    others: event.others.map(told),
  };
}

/** The event in one line, raw: for a notification and for the foot of the screen. */
export function alertLine({ first, count }: Pick<FoldedAlert, 'first' | 'count'>): string {
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  const text = first.text === first.title ? '' : `: ${first.text}`;
  return `${first.ref.system} ${first.title}${text}${more}`;
}

/** How a hook is called in messages. Of an address only its origin: the rest of it is often the secret. */
export function hookName({ deed }: Pick<Hook, 'deed'>): string {
  switch (deed.type) {
    case 'bell':
    case 'osc9':
      return deed.type;
    case 'program':
      return `program ${deed.argv[0] ?? ''}`;
    case 'webhook':
      return `webhook ${URL.canParse(deed.url) ? new URL(deed.url).origin : ''}`;
  }
}

/** What a cockpit's screen is asked to do: say something at its foot, ring, show a notification. */
export interface Signal {
  /** Grows by one with each; a screen obeys each once. */
  readonly seq: number;
  /** Raw. */
  readonly text?: string;
  readonly tone?: 'note' | 'refusal';
  readonly bell?: true;
  /** Text of a notification (OSC 9), raw. */
  readonly notify?: string;
}

function severityRank(severity: AlertSeverity): number {
  return alertSeverities.indexOf(severity);
}
