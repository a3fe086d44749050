/** The operator's side: a wrong option, a bad configuration, a target that does not exist. Carries what to do next. */
export class UserError extends Error {
  readonly nextSteps: readonly string[];
  /** Exit code of a verb that ends with this: 2 usage or configuration, 4 refused. */
  readonly exitCode: number;
  constructor(message: string, nextSteps: readonly string[] = [], exitCode = 2) {
    super(message);
    this.name = 'UserError';
    this.nextSteps = nextSteps;
    this.exitCode = exitCode;
  }
}

/** The outside world's side: a program, server or file that did not do its part. */
export class ExternalError extends Error {
  readonly what: string;
  constructor(what: string, message: string) {
    super(message);
    this.name = 'ExternalError';
    this.what = what;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
