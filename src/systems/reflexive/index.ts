import type { SystemKind } from '../system.ts';
import { reflexiveActs } from './acts.ts';
import { deriveReflexive } from './derive.ts';
import { locateReflexive, recogniseReflexive, reflexiveSources } from './locate.ts';
import { reflexiveParsers } from './parse.ts';
import { reflexivePlaybooks } from './playbooks.ts';
import { reflexiveSettings } from './schema.ts';

/** Self-Reflexive Orchestrator: a daemon that claims GitHub issues, has models write the code and opens pull requests. */
export const reflexiveKind: SystemKind = {
  kind: 'reflexive',
  title: 'Self-Reflexive Orchestrator',
  settings: reflexiveSettings,
  recognise: recogniseReflexive,
  locate: locateReflexive,
  sources: reflexiveSources,
  parsers: reflexiveParsers,
  derive: deriveReflexive,
  acts: reflexiveActs,
  playbooks: reflexivePlaybooks,
};
