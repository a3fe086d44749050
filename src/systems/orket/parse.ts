import type { Parser } from '../system.ts';
import {
  healthParser,
  heartbeatParser,
  keeperParser,
  sessionParser,
  webhookParser,
} from './parse-answers.ts';
import { approvalsParser, proposalsParser } from './parse-approvals.ts';
import { databaseParser } from './parse-database.ts';
import {
  epicParser,
  failuresParser,
  promptsParser,
  verificationParser,
  violationParser,
} from './parse-documents.ts';
import { crashParser, eventsParser } from './parse-events.ts';
import { logParser } from './parse-log.ts';
import { turnParser } from './parse-turn.ts';

/** The parsers by the names the sources use. */
export const orketParsers: { readonly [name: string]: Parser } = {
  log: logParser,
  events: eventsParser,
  crash: crashParser,
  turn: turnParser,
  database: databaseParser,
  violation: violationParser,
  verification: verificationParser,
  health: healthParser,
  heartbeat: heartbeatParser,
  session: sessionParser,
  approvals: approvalsParser,
  proposals: proposalsParser,
  webhook: webhookParser,
  keeper: keeperParser,
  failures: failuresParser,
  prompts: promptsParser,
  epic: epicParser,
};
