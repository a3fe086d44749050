/** Programs of the tests that stand where the interpreter of a watched system would. */
import { chmodSync, writeFileSync } from 'node:fs';

/**
 * Writes an executable that runs a script of the tests under Node with what it is given; `first` is shell before that.
 * Acts hand an environment of few names on, so it says itself where compiled code is kept: a simulator that is read from
 * source takes 0.3 s of a processor to start, one that is found compiled a third of that.
 */
export function writeInterpreter(path: string, script: URL, first = ''): void {
  const cache = process.env['NODE_COMPILE_CACHE'] ?? '';
  writeFileSync(
    path,
    `#!/bin/sh\n${first}NODE_COMPILE_CACHE='${cache}'; export NODE_COMPILE_CACHE\nexec '${process.execPath}' '${script.pathname}' "$@"\n`,
  );
  chmodSync(path, 0o755);
}
