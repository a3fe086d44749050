import type { Parser } from '../system.ts';
import { breakersParser, healthParser, nomicParser, readyParser, statusParser } from './parse-answers.ts';
import { cyclesParser, outcomesParser } from './parse-database.ts';
import {
  approvalParser,
  implementParser,
  loopBreakersParser,
  loopStateParser,
  rollbackParser,
} from './parse-documents.ts';
import { crashLogParser, risksParser } from './parse-lines.ts';
import { loopLogParser } from './parse-loop.ts';
import { serverLogParser } from './parse-server.ts';
import { backupParser, checkpointsParser } from './parse-trees.ts';

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
  // The process table reaches `derive` on a path of its own.
  processes: { version: 1, start: null, fold: (carry) => ({ carry }) },
};
