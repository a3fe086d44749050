import type { Parser } from '../system.ts';
import { analyticsParser } from './parse-analytics.ts';
import { auditLogParser } from './parse-audit.ts';
import { configParser, costParser, noParser, rateParser, roadmapParser } from './parse-documents.ts';
import { orchestratorLogParser } from './parse-orchestrator.ts';

/** Parsers of this kind by the name sources give. */
export const reflexiveParsers: { readonly [name: string]: Parser } = {
  orchestrator: orchestratorLogParser,
  audit: auditLogParser,
  analytics: analyticsParser,
  cost: costParser,
  rate: rateParser,
  roadmap: roadmapParser,
  config: configParser,
  none: noParser,
};
