import type { Parser } from '../system.ts';
import { databaseParser } from './parse-database.ts';
import {
  artifactsParser,
  canaryParser,
  planParser,
  questionParser,
  queueJobParser,
  signalsParser,
  taskStateParser,
} from './parse-document.ts';
import {
  auditLogParser,
  orchestratorLogParser,
  queueEventsParser,
  schedulerParser,
  taskEventsParser,
} from './parse-log.ts';

/** A source without bytes of its own (the process table): nothing to fold. */
const nothingParser: Parser = { version: 1, start: null, fold: (carry) => ({ carry }) };

/** Parsers of this kind by the names its sources use. */
export const openclawParsers: { readonly [name: string]: Parser } = {
  database: databaseParser,
  plan: planParser,
  question: questionParser,
  taskState: taskStateParser,
  artifacts: artifactsParser,
  signals: signalsParser,
  canary: canaryParser,
  queueJob: queueJobParser,
  orchestratorLog: orchestratorLogParser,
  taskEvents: taskEventsParser,
  scheduler: schedulerParser,
  queueEvents: queueEventsParser,
  auditLog: auditLogParser,
  processes: nothingParser,
};
