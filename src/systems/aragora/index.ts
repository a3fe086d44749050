import type { SystemKind } from '../system.ts';
import { aragoraActs } from './acts.ts';
import { deriveAragora } from './derive.ts';
import { locateAragora, recogniseAragora } from './locate.ts';
import { aragoraParsers } from './parse.ts';
import { aragoraPlaybooks } from './playbooks.ts';
import { aragoraSettings } from './schema.ts';
import { aragoraSources } from './sources.ts';

/** Aragora: a server for debates of agents, and the Nomic loop that improves its own code in cycles of six phases. */
export const aragoraKind: SystemKind = {
  kind: 'aragora',
  title: 'Aragora',
  settings: aragoraSettings,
  recognise: recogniseAragora,
  locate: locateAragora,
  sources: aragoraSources,
  parsers: aragoraParsers,
  derive: deriveAragora,
  acts: aragoraActs,
  playbooks: aragoraPlaybooks,
};
