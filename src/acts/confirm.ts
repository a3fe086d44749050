import type { ActOccasion, ActPreview, Params } from '../domain/act.ts';
import type { EntityType, Ref } from '../domain/entity.ts';

/** A yes to something that was shown. */
export interface StartRequest {
  readonly act: string;
  readonly target: Ref;
  readonly params: Params;
  /** As shown. */
  readonly revision: string;
  readonly payloadDigest?: string;
  readonly occasion?: ActOccasion;
  readonly reason?: string;
  readonly confirmedBy: 'none' | 'yes' | 'code' | 'card';
  readonly code?: string;
}

/**
 * Why what the person did is not the confirmation this act needs; undefined when it is. The card confirms whatever
 * decides an approval, a new submission or a cancellation too: it shows everything a dialog would.
 */
export function confirmationRefusal(
  preview: Pick<ActPreview, 'confirmation' | 'code'>,
  target: EntityType,
  request: Pick<StartRequest, 'confirmedBy' | 'reason' | 'code'>,
): string | undefined {
  if (request.confirmedBy === 'card' && target !== 'approval')
    return 'only approvals are confirmed on their card';
  switch (preview.confirmation) {
    case 'none':
      return undefined;
    case 'yes':
      return request.confirmedBy === 'none' ? 'it was not confirmed' : undefined;
    case 'yes-and-reason':
      if (request.confirmedBy === 'none') return 'it was not confirmed';
      return request.reason?.trim() ? undefined : 'it needs a reason';
    case 'code':
      if (request.confirmedBy !== 'code' || request.code === undefined)
        return 'it needs the four letters shown';
      return request.code === preview.code ? undefined : 'these are not the four letters shown';
  }
}
