/** What a configuration says about acts, with the place where it says so. */

/** One entry of a list of acts. */
export interface ActRule {
  /** `noun.verb`, `noun.*`, `*.verb` or `*`. */
  readonly pattern: string;
  /** Where it is written: `/etc/binnacle/binnacle.yaml:7: acts.deny.0`. */
  readonly at: string;
}

/** A list of allowed acts: what is not on it is not allowed. */
export interface AllowList {
  readonly rules: readonly ActRule[];
  readonly at: string;
}

/** Rules for one system: those for all systems and its own together, each of which binds. */
export interface ActRules {
  /** An act must be on every list there is. */
  readonly allow: readonly AllowList[];
  readonly deny: readonly ActRule[];
  /** Acts that want a reason whatever their risk asks for. */
  readonly reasonRequired: readonly ActRule[];
  /** How many acts may run their steps in this system at once. */
  readonly atOnce?: number;
  /** Where the system is made read-only, and where the user its acts run as is named. */
  readonly readOnlyAt?: string;
  readonly runAsAt?: string;
}

/** Whether a rule is about an act. */
export function ruleCovers({ pattern }: Pick<ActRule, 'pattern'>, act: string): boolean {
  const [noun = '', verb = ''] = act.split('.');
  if (pattern === '*' || pattern === act) return true;
  const [wantedNoun, wantedVerb] = pattern.split('.');
  return (wantedNoun === '*' || wantedNoun === noun) && (wantedVerb === '*' || wantedVerb === verb);
}
