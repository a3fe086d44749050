/** What one check of `binnacle doctor` came to. */
export interface Finding {
  /** What was looked at: `binnacle`, `configuration`, `records`, `host`, `terminal`, or a system by its name. */
  readonly area: string;
  /** Which part of it, in a word or two. */
  readonly subject: string;
  /** `warn`: it works, with the limit told. `fail`: something does not work until it is mended. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly says: string;
  /** What to do about it. */
  readonly mend?: string;
  /** What a failure counts as: 2 is a mistake of configuration, 3 (the default) what is there and can't be used. */
  readonly exit?: 2 | 3;
}

/** A finding of an area that is named once, around them. */
export type PartFinding = Omit<Finding, 'area'>;

/** The exit code of all findings together: 2 before 3 before 1 before 0, as everywhere. */
export function exitOf(findings: readonly Finding[]): number {
  const failed = findings.filter(({ level }) => level === 'fail');
  if (failed.some(({ exit }) => exit === 2)) return 2;
  if (failed.length > 0) return 3;
  return findings.some(({ level }) => level === 'warn') ? 1 : 0;
}
