import type { Parser } from '../system.ts';
import {
  breakersParser,
  buildParser,
  healthParser,
  limitsParser,
  nomicParser,
  readyParser,
  statusParser,
} from './parse-answers.ts';
import { cyclesParser, outcomesParser } from './parse-database.ts';
import {
  approvalParser,
  implementParser,
  loopBreakersParser,
  loopStateParser,
  rollbackParser,
} from './parse-documents.ts';
import { reflogParser } from './parse-git.ts';
import { crashLogParser, risksParser } from './parse-lines.ts';
import { debatesParser, inboxParser } from './parse-listed-answers.ts';
import { loopLogParser } from './parse-loop.ts';
import { clusterParser, containerParser, unitParser } from './parse-manager.ts';
import { metricsParser } from './parse-metrics.ts';
import { serverLogParser } from './parse-server.ts';
import { backupFilesParser, backupParser, checkpointsParser, replayParser } from './parse-trees.ts';

/** The parsers of this kind by the name its sources use. */
export const aragoraParsers: { readonly [name: string]: Parser } = {
  'loop-log': loopLogParser,
  'crash-log': crashLogParser,
  'server-log': serverLogParser,
  risks: risksParser,
  'loop-state': loopStateParser,
  'loop-breakers': loopBreakersParser,
  implement: implementParser,
  approval: approvalParser,
  rollback: rollbackParser,
  backup: backupParser,
  checkpoints: checkpointsParser,
  cycles: cyclesParser,
  outcomes: outcomesParser,
  'health-answer': healthParser,
  'ready-answer': readyParser,
  'status-answer': statusParser,
  'breakers-answer': breakersParser,
  'nomic-answer': nomicParser,
  'build-answer': buildParser,
  'limits-answer': limitsParser,
  'debates-answer': debatesParser,
  'inbox-answer': inboxParser,
  metrics: metricsParser,
  reflog: reflogParser,
  'backup-files': backupFilesParser,
  replay: replayParser,
  unit: unitParser,
  container: containerParser,
  cluster: clusterParser,
  // The process table reaches `derive` on a path of its own.
  processes: { version: 1, start: null, fold: (carry) => ({ carry }) },
};
