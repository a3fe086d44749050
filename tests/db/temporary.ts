import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { instant } from '../../src/domain/instant.ts';

/** 2026-11-20T03:14:07Z, the moment most tests are set in. */
export const NIGHT = instant(Date.UTC(2026, 10, 20, 3, 14, 7));

const made: string[] = [];

/** A directory of this test, removed after the tests of its file: some run side by side. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'binnacle-test-'));
  made.push(path);
  return path;
}

afterAll(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});
