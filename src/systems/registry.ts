/**
 * One row per watched system. A new kind is a folder beside this file and a row here. The code of a kind is loaded when
 * it is wanted: each of the cockpit's threads has its own copy, and most people watch one kind or two.
 */
import type { SystemKind } from './system.ts';

const LOADERS = {
  orket: async () => (await import('./orket/index.ts')).orketKind,
  reflexive: async () => (await import('./reflexive/index.ts')).reflexiveKind,
  coherence: async () => (await import('./coherence/index.ts')).coherenceKind,
  aragora: async () => (await import('./aragora/index.ts')).aragoraKind,
  openclaw: async () => (await import('./openclaw/index.ts')).openclawKind,
} satisfies Readonly<Record<string, () => Promise<SystemKind>>>;

/** Names of the built-in kinds. */
export const builtInNames: readonly string[] = Object.keys(LOADERS);

/** The built-in kinds of these names; what is none of them is passed over. All of them without names. */
export async function builtInKinds(names: Iterable<string> = builtInNames): Promise<readonly SystemKind[]> {
  const wanted = new Set(names);
  const loads = Object.entries(LOADERS).flatMap(([name, load]) => (wanted.has(name) ? [load()] : []));
  return await Promise.all(loads);
}
