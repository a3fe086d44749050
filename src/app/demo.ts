import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { SystemOption } from '../config/options.ts';
import { ExternalError } from '../domain/error.ts';
import { makeDemoDirectory } from './demo-directory.ts';
import { programEntry } from './entry.ts';

/** The demo's systems, and the end of it. */
export interface Demo {
  readonly dir: string;
  readonly systems: readonly SystemOption[];
  /** Ends the simulators and removes their directory. */
  close(): Promise<void>;
}

/** Starts the simulators as a program of their own in a temporary directory; resolves when everything is laid out. */
export async function startDemoSystems(): Promise<Demo> {
  const dir = makeDemoDirectory();
  const child = spawn(process.execPath, [programEntry('demo'), 'run', dir], {
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: dir,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  // The pipe closes with us, however we end, and the simulators end with the pipe.
  child.stdin.on('error', () => {});
  const laid = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text);
    });
    child.once('error', (error) => reject(new ExternalError('the demo', error.message)));
    child.once('close', (code) =>
      reject(new ExternalError('the demo', `it ended with code ${code} at its start`)),
    );
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const systems = (JSON.parse(laid) as { systems: SystemOption[] }).systems;
  return {
    dir,
    systems: systems.map(({ kind, dir: at, settings }) => ({ kind, dir: at, settings })),
    async close() {
      child.stdin.end();
      await ended;
      remove();
    },
  };
}
