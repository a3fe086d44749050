import type { Parser } from '../system.ts';
import { analyticsParser } from './parse-analytics.ts';
import { listedParser } from './parse-approvals.ts';
import { auditLogParser } from './parse-audit.ts';
import {
  backupsParser,
  configParser,
  costParser,
  noParser,
  rateParser,
  roadmapParser,
} from './parse-documents.ts';
import { headParser, tagsParser, treeParser } from './parse-git.ts';
import { orchestratorLogParser } from './parse-orchestrator.ts';
import { programParser } from './parse-program.ts';
import { unitParser } from './parse-unit.ts';

/** Parsers of this kind by the name sources give. */
export const reflexiveParsers: { readonly [name: string]: Parser } = {
  orchestrator: orchestratorLogParser,
  audit: auditLogParser,
  analytics: analyticsParser,
  cost: costParser,
  rate: rateParser,
  roadmap: roadmapParser,
  config: configParser,
  program: programParser,
  backups: backupsParser,
  head: headParser,
  tags: tagsParser,
  tree: treeParser,
  unit: unitParser,
  listed: listedParser,
  none: noParser,
};
