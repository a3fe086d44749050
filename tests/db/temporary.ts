import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instant } from '../../src/domain/instant.ts';

/** 2026-11-20T03:14:07Z, the moment most tests are set in. */
export const NIGHT = instant(Date.UTC(2026, 10, 20, 3, 14, 7));

const releases: (() => void)[] = [];

/** A directory of this test, removed after the tests of its file: some run side by side. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'binnacle-test-'));
  atEndOfFile(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Does something after the tests of the file that runs now. */
export function atEndOfFile(release: () => void): void {
  releases.push(release);
}

/** Does what is due at the end of a file, the last first. */
export function endFile(): void {
  for (const release of releases.splice(0).reverse()) release();
}
