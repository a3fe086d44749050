import type { Instant } from './instant.ts';

/** An attention item somebody put out of the queue of this host. */
export interface Aside {
  /** Key of the attention item. */
  readonly key: string;
  /** The item's revision at that moment. */
  readonly revision: string;
  readonly until?: Instant;
  readonly forGood: boolean;
  /** Always there when it is for good. */
  readonly reason?: string;
  readonly by: string;
}

/** True while an item of this revision stays out of the queue: for good, until a time, or until it changes. */
export function isAside(aside: Aside | undefined, revision: string, now: Instant): boolean {
  if (!aside) return false;
  if (aside.forGood) return true;
  return aside.until === undefined ? aside.revision === revision : now < aside.until;
}
