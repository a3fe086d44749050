import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ActsRoom, openActs } from '../../src/app/acts-room.ts';
import { temporaryDirectory } from '../db/temporary.ts';

/** A task with these variables in place of those of the process. */
export function withEnvironment<T>(variables: { readonly [name: string]: string }, task: () => T): T {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return task();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** The variables of a user whose records all lie below one directory. */
export function userAt(directory: string): { readonly [name: string]: string } {
  const runtime = join(directory, 'runtime');
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  return {
    BINNACLE_STATE_DIR: join(directory, 'state'),
    BINNACLE_HOST_DIR: '',
    XDG_RUNTIME_DIR: runtime,
  };
}

/** The records of such a user, open. */
export function roomAt(directory = temporaryDirectory()): ActsRoom {
  return withEnvironment(userAt(directory), () => openActs('create'));
}
