import { getNumber, getString } from '../../lib/json.ts';
import type { CostLogFact, RefusedFact, SpendFact } from './facts.ts';
import type { FoldInput } from './fold-input.ts';

/** Money is summed in slices of this length, so that the rate of the last hour can be told without every request. */
export const spendSliceMs = 5 * 60_000;
const sliceCap = 36;

/** What `CostLimitExceeded` says (`track_request` in `src/safety/cost_tracker.py`). */
export const refusal = /Daily cost limit would be exceeded: \$[\d.]+ > \$[\d.]+/;

/** Requests tracked, thresholds passed, requests refused. True when only the daemon writes the line. */
export function foldCost({ event, at, offset, draft }: FoldInput): boolean {
  const known = draft.get<CostLogFact>('cost');
  switch (event.event) {
    case 'api_request_tracked': {
      const total = getNumber(event.fields, 'daily_total_cost');
      const cost = Math.max(0, getNumber(event.fields, 'cost') ?? 0);
      if (total === undefined) return true;
      // A smaller total than before is a new window: the daemon was started on another day.
      const same = known !== undefined && total >= known.total ? known : undefined;
      if (known !== undefined && same === undefined) draft.remove('refused');
      const next: CostLogFact = { ...same, at, offset, total };
      draft.set('cost', next);
      const slice = String(Math.floor(at / spendSliceMs) * spendSliceMs);
      const known5 = same === undefined ? undefined : draft.get<SpendFact>(`spend:${slice}`);
      const spend: SpendFact = { before: known5?.before ?? Math.max(0, total - cost), total };
      draft.put('spend', slice, spend, sliceCap);
      return true;
    }
    case 'cost_limit_warning':
    case 'cost_limit_critical': {
      const total = getNumber(event.fields, 'current_cost') ?? known?.total ?? 0;
      const maxCost = getNumber(event.fields, 'max_cost');
      const same = known !== undefined && total >= known.total ? known : undefined;
      const next: CostLogFact = {
        ...same,
        at,
        offset,
        total,
        warnedAt: same?.warnedAt ?? at,
        warnedOffset: same?.warnedOffset ?? offset,
        ...(maxCost === undefined ? {} : { maxCost, maxCostAt: at }),
      };
      draft.set('cost', next);
      return true;
    }
    default: {
      if (event.level !== 'error') return false;
      const text = refusal.exec(getString(event.fields, 'error')?.slice(0, 2000) ?? '')?.[0];
      if (text === undefined) return false;
      const before = draft.get<RefusedFact>('refused');
      const next: RefusedFact = {
        firstAt: before?.firstAt ?? at,
        lastAt: at,
        count: (before?.count ?? 0) + 1,
        offset,
        text,
      };
      draft.set('refused', next);
      return true;
    }
  }
}
