import { codeOf } from '../lib/typed-code.ts';
import type { ActPreview, Confirmation } from './act.ts';
import type { Ref } from './entity.ts';

/** One act on several items, shown as one list and confirmed once. */
export interface ActList {
  /** In the order given; each is started, recorded and verified by itself. */
  readonly items: readonly ActListItem[];
  /** The hardest any of them asks for. */
  readonly confirmation: Confirmation;
  /** One of them asks for a reason, whatever else is asked for. */
  readonly needsReason: boolean;
  /** For `code`: four letters that follow from everything shown, so that they fit no other list. */
  readonly code?: string;
  /** Why the list as a whole can't be done. */
  readonly refused?: string;
}

/** One item of a list. */
export interface ActListItem {
  readonly target: Ref;
  readonly preview: ActPreview;
}

/** Most items of a list: more than a person reads is not confirmed by them. */
export const LONGEST_LIST = 50;

const HARDNESS: readonly Confirmation[] = ['none', 'yes', 'yes-and-reason', 'code'];

/**
 * Puts previews of one act together. Items that are refused stay in the list with their reasons; a yes is to the rest.
 * Approvals are never decided in bulk: each is a decision about a payload somebody has read.
 */
export function listActs(previews: readonly ActPreview[]): ActList {
  const items = previews.map((preview): ActListItem => ({ target: preview.target, preview }));
  const doable = previews.filter(({ refused }) => refused === undefined);
  const hardest = Math.max(0, ...doable.map(({ confirmation }) => HARDNESS.indexOf(confirmation)));
  const confirmation = HARDNESS[hardest] ?? 'code';
  const refused = listRefusal(previews, doable);
  return {
    items,
    confirmation,
    needsReason: doable.some((preview) => preview.confirmation === 'yes-and-reason'),
    ...(confirmation === 'code' ? { code: codeOf(doable.flatMap(boundTo)) } : {}),
    ...(refused === undefined ? {} : { refused }),
  };
}

function listRefusal(previews: readonly ActPreview[], doable: readonly ActPreview[]): string | undefined {
  if (previews.length > 1 && previews.some(({ target }) => target.type === 'approval'))
    return 'approvals are decided one at a time';
  if (previews.length > LONGEST_LIST)
    return `${previews.length} at once: at most ${LONGEST_LIST} are shown and confirmed together`;
  const keys = previews.map(({ target }) => `${target.system}/${target.type}/${target.id}`);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) return `${twice} is named twice`;
  return doable.length === 0 && previews.length === 1 ? previews[0]?.refused : undefined;
}

/** Everything a yes to this item depends on. */
function boundTo(preview: ActPreview): readonly string[] {
  const { act, target, revision, payloadDigest, commands, attempt } = preview;
  return [
    act,
    target.system,
    target.type,
    target.id,
    revision,
    payloadDigest ?? '',
    String(attempt),
    ...commands,
  ];
}
