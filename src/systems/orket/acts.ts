import type { ActSpec } from '../system.ts';
import { clearLog, replayOverHttp } from './act-api.ts';
import { archiveBuild, archiveCard, archiveRelated } from './act-archive.ts';
import { gateChecks, migrateDatabase, probeWebhook } from './act-check.ts';
import { resumeCard, resumeRun, runEpic } from './act-epic.ts';
import { approveGate, denyGate } from './act-gate.ts';
import { haltRun } from './act-halt.ts';
import { inspectTurn } from './act-inspect.ts';
import { replayTurn } from './act-replay.ts';
import { reportFailures, reportPrompts } from './act-report.ts';
import { restartServer, startServer, stopServer } from './act-server.ts';

/** What can be done to an Orket installation from here. */
export const orketActs: readonly ActSpec[] = [
  inspectTurn,
  replayTurn,
  replayOverHttp,
  approveGate,
  denyGate,
  resumeCard,
  resumeRun,
  runEpic,
  haltRun,
  reportFailures,
  reportPrompts,
  ...gateChecks,
  probeWebhook,
  startServer,
  restartServer,
  stopServer,
  migrateDatabase,
  archiveCard,
  archiveBuild,
  archiveRelated,
  clearLog,
];
