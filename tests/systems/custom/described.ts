/** The described kinds of `fixtures/custom`, built as the configuration would. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { customKind } from '../../../src/systems/custom/index.ts';
import type { SystemKind } from '../../../src/systems/system.ts';

/** `kind.yaml` of a case, as data. */
export function descriptionOf(name: string): unknown {
  return parse(readFileSync(new URL(`../../../fixtures/custom/${name}/kind.yaml`, import.meta.url), 'utf8'));
}

/** The kind a case describes. */
export function describedKind(name: string): SystemKind {
  return customKind(name, descriptionOf(name), 'test');
}
