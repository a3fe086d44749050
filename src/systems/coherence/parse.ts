import type { Parser } from '../system.ts';
import {
  attentionAnswerParser,
  fatalAnswerParser,
  healthParser,
  runnersAnswerParser,
} from './parse-answers.ts';
import {
  fatalParser,
  managerStateParser,
  monitorIssuesParser,
  reportParser,
  restartParser,
  runnersParser,
  runStateParser,
  tasksParser,
  versionParser,
} from './parse-documents.ts';
import { apiLogParser, plainLogParser, resolutionsParser, taskLogParser } from './parse-logs.ts';
import { managerLogParser } from './parse-manager.ts';
import { monitorLogParser } from './parse-monitor.ts';
import {
  deployBlockParser,
  metaQuestionsParser,
  metricsParser,
  readyParser,
  reportTextParser,
  runnerRunsParser,
  waiversParser,
} from './parse-records.ts';
import { runnerLogParser } from './parse-runner.ts';

/** The parsers of this kind by the name its sources use. */
export const coherenceParsers: { readonly [name: string]: Parser } = {
  'runner-log': runnerLogParser,
  'manager-log': managerLogParser,
  'monitor-log': monitorLogParser,
  'plain-log': plainLogParser,
  'api-log': apiLogParser,
  'task-log': taskLogParser,
  resolutions: resolutionsParser,
  version: versionParser,
  restart: restartParser,
  fatal: fatalParser,
  'monitor-issues': monitorIssuesParser,
  report: reportParser,
  'manager-state': managerStateParser,
  tasks: tasksParser,
  runners: runnersParser,
  'run-state': runStateParser,
  'report-text': reportTextParser,
  'runner-runs': runnerRunsParser,
  'deploy-block': deployBlockParser,
  'meta-questions': metaQuestionsParser,
  waivers: waiversParser,
  metrics: metricsParser,
  'health-answer': healthParser,
  'ready-answer': readyParser,
  'attention-answer': attentionAnswerParser,
  'runners-answer': runnersAnswerParser,
  'fatal-answer': fatalAnswerParser,
  // The process table reaches `derive` on a path of its own.
  processes: { version: 1, start: null, fold: (carry) => ({ carry }) },
};
