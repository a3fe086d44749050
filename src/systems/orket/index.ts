import type { SystemKind } from '../system.ts';
import { orketActs } from './acts.ts';
import { deriveOrket } from './derive.ts';
import { locateOrket, recogniseOrket } from './locate.ts';
import { orketParsers } from './parse.ts';
import { orketPlaybooks } from './playbooks.ts';
import { orketSettings } from './schema.ts';
import { orketSources } from './sources.ts';

/** Orket: epics of cards worked on by roles in turns, each turn with its checkpoint on disk. */
export const orketKind: SystemKind = {
  kind: 'orket',
  title: 'Orket',
  settings: orketSettings,
  recognise: recogniseOrket,
  locate: locateOrket,
  sources: orketSources,
  parsers: orketParsers,
  derive: deriveOrket,
  acts: orketActs,
  playbooks: orketPlaybooks,
};
