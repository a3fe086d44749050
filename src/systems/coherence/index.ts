import type { SystemKind } from '../system.ts';
import { coherenceActs } from './acts.ts';
import { deriveCoherence } from './derive.ts';
import { coherenceSources, locateCoherence, recogniseCoherence } from './locate.ts';
import { coherenceParsers } from './parse.ts';
import { coherencePlaybooks } from './playbooks.ts';
import { coherenceSettings } from './schema.ts';

/** Coherence Network: an API with a store of tasks, a runner, a project manager, a monitor and a watchdog over them. */
export const coherenceKind: SystemKind = {
  kind: 'coherence',
  title: 'Coherence Network',
  settings: coherenceSettings,
  recognise: recogniseCoherence,
  locate: locateCoherence,
  sources: coherenceSources,
  parsers: coherenceParsers,
  derive: deriveCoherence,
  acts: coherenceActs,
  playbooks: coherencePlaybooks,
};
