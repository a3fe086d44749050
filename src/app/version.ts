import { readFileSync } from 'node:fs';

declare const BINNACLE_VERSION: string | undefined;

/** Version of this program: fixed by the build, or read from package.json when run from source. */
export function programVersion(): string {
  if (typeof BINNACLE_VERSION === 'string') return BINNACLE_VERSION;
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: string }).version);
}
