/** One row per watched system. A new kind is a folder beside this file and a row here. */
import { aragoraKind } from './aragora/index.ts';
import { coherenceKind } from './coherence/index.ts';
import { openclawKind } from './openclaw/index.ts';
import { orketKind } from './orket/index.ts';
import { reflexiveKind } from './reflexive/index.ts';
import type { SystemKind } from './system.ts';

export const builtInKinds: readonly SystemKind[] = [
  orketKind,
  reflexiveKind,
  coherenceKind,
  aragoraKind,
  openclawKind,
];
