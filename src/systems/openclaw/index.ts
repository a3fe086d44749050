import type { SystemKind } from '../system.ts';
import { openclawActs } from './acts.ts';
import { deriveOpenclaw } from './derive.ts';
import { locateOpenclaw, recogniseOpenclaw } from './locate.ts';
import { openclawParsers } from './parse.ts';
import { openclawPlaybooks } from './playbooks.ts';
import { openclawSettings } from './schema.ts';
import { openclawSources } from './sources.ts';

/** OpenClaw agent-orchestrator: a queue of jobs that are planned, audited by a person, run by agents, and may ask. */
export const openclawKind: SystemKind = {
  kind: 'openclaw',
  title: 'OpenClaw agent-orchestrator',
  settings: openclawSettings,
  recognise: recogniseOpenclaw,
  locate: locateOpenclaw,
  sources: openclawSources,
  parsers: openclawParsers,
  derive: deriveOpenclaw,
  acts: openclawActs,
  playbooks: openclawPlaybooks,
};
