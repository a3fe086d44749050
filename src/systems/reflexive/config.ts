import { parse } from 'yaml';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type JsonObject,
} from '../../lib/json.ts';

/** What of `orchestrator-config.yaml` matters here, with the defaults of `src/core/config.py`. */
export type ReflexiveConfig = {
  readonly mode: string;
  readonly pollS: number;
  readonly workDir: string;
  readonly repository: string;
  readonly maxCostPerDay: number;
  readonly maxComplexity: number;
  readonly autoImplementation: boolean;
  readonly autoMerge: boolean;
  readonly labels: readonly string[];
  readonly roadmapFrequency: string;
  /** Proposals of a roadmap become GitHub issues. */
  readonly autoCreateIssues: boolean;
  readonly logLevel: string;
  /** `null`: switched off. */
  readonly logFile: string | null;
  readonly auditFile: string | null;
  /** Keys of {@link settableKeys} that stand on a line of their own in the file, with the text of their values. */
  readonly written: { readonly [key: string]: string };
  /** Why `start` would end with exit 1, in the order of the file's sections. */
  readonly problems: readonly string[];
};

/** What holds when no file says otherwise. */
export const defaultConfig: ReflexiveConfig = {
  mode: 'supervised',
  pollS: 300,
  workDir: 'workspace',
  repository: '',
  maxCostPerDay: 50,
  maxComplexity: 7,
  autoImplementation: true,
  autoMerge: true,
  labels: ['bot-approved'],
  roadmapFrequency: 'weekly',
  autoCreateIssues: true,
  logLevel: 'INFO',
  logFile: 'logs/orchestrator.log',
  auditFile: 'logs/audit.log',
  written: {},
  problems: [],
};

/** Keys that `config.set` can write: those its runbook tells people to edit, under their real names. */
export const settableKeys = [
  'safety.max_api_cost_per_day',
  'issue_processing.max_complexity',
  'issue_processing.enable_auto_implementation',
  'orchestrator.poll_interval',
  'logging.level',
] as const;
export type SettableKey = (typeof settableKeys)[number];

/**
 * Keys each section takes. The program passes a section as keyword arguments to a dataclass, so that one unknown key
 * ends the start with a TypeError, while an unknown *section* is ignored (`Config.from_dict` in `src/core/config.py`).
 */
const sectionKeys: { readonly [section: string]: readonly string[] } = {
  orchestrator: ['mode', 'poll_interval', 'work_dir'],
  github: ['repository', 'token', 'base_branch'],
  issue_processing: [
    'auto_claim_labels',
    'ignore_labels',
    'max_complexity',
    'require_acceptance_criteria',
    'max_concurrent',
    'enable_auto_analysis',
    'min_actionability_confidence',
    'enable_auto_implementation',
    'min_plan_confidence',
    'enable_auto_fix',
    'max_auto_fix_attempts',
    'min_fix_confidence',
    'require_tests_passing',
    'analysis_timeout',
    'planning_timeout',
    'execution_timeout',
    'test_timeout',
  ],
  pr_management: ['auto_fix_attempts', 'require_reviews', 'auto_merge', 'merge_strategy', 'ci_timeout'],
  code_review: ['multi_agent_coder_path', 'review_timeout', 'require_approval'],
  multi_agent_coder: [
    'executable_path',
    'default_strategy',
    'default_providers',
    'query_timeout',
    'enable_for_issue_analysis',
    'enable_for_code_review',
    'max_retries',
    'retry_delay',
  ],
  roadmap: ['enabled', 'generation_frequency', 'proposals_per_cycle', 'auto_create_issues'],
  llm: ['api_key', 'model', 'max_tokens', 'temperature'],
  safety: ['human_approval_required', 'max_api_cost_per_day', 'rollback_on_test_failure', 'max_retries'],
  logging: ['level', 'file', 'audit_file', 'structured'],
  notifications: ['slack_webhook', 'email', 'on_events'],
  redis: ['host', 'port', 'db', 'password'],
};

/** What a runbook tells people to write, and the key that really exists. */
const realKeys: { readonly [wrong: string]: string } = {
  'safety.cost_limits': 'safety.max_api_cost_per_day',
  'safety.complexity': 'issue_processing.max_complexity',
};

type ConfigRead =
  | { readonly ok: true; readonly config: ReflexiveConfig }
  | { readonly ok: false; readonly error: string };

/** Reads the configuration as the program would, and says why it would not start with it. Never throws. */
export function readConfig(text: string): ConfigRead {
  let data: unknown;
  try {
    // The program reads it with PyYAML, which is YAML 1.1 (`yes` and `no` are booleans).
    data = parse(text, { version: '1.1', maxAliasCount: 20, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unreadable';
    return { ok: false, error: `not YAML: ${reason.slice(0, 160)}` };
  }
  if (data === null || data === undefined) data = {};
  if (!isObject(data)) return { ok: false, error: 'not a mapping of sections' };
  return { ok: true, config: { ...fromSections(data), written: writtenKeys(text) } };
}

/** What stands on lines of their own, as `sed` will find it: a section at the margin, its keys below it. */
function writtenKeys(text: string): { readonly [key: string]: string } {
  const written: Record<string, string> = {};
  let section = '';
  for (const line of text.split('\n')) {
    const head = /^([a-z_]+):/.exec(line);
    if (head) section = head[1] ?? '';
    else if (/^[^\s#]/.test(line)) section = '';
    const entry = head ? null : /^[ \t]+([a-z_]+):[ \t]*([^\s#]+)[ \t\r]*(#.*)?$/.exec(line);
    const key = `${section}.${entry?.[1] ?? ''}`;
    if (entry && (settableKeys as readonly string[]).includes(key))
      written[key] = (entry[2] ?? '').slice(0, 60);
  }
  return written;
}

function fromSections(data: JsonObject): ReflexiveConfig {
  const problems = [...problemsOfSections(data)];
  const orchestrator = getObject(data, 'orchestrator');
  const processing = getObject(data, 'issue_processing');
  const logging = getObject(data, 'logging');
  const mode = getString(orchestrator, 'mode') ?? defaultConfig.mode;
  const frequency =
    getString(getObject(data, 'roadmap'), 'generation_frequency') ?? defaultConfig.roadmapFrequency;
  const strategy = getString(getObject(data, 'pr_management'), 'merge_strategy') ?? 'squash';
  const repository = getString(getObject(data, 'github'), 'repository') ?? '';
  if (!['manual', 'supervised', 'autonomous'].includes(mode)) {
    problems.push(`orchestrator.mode: ${short(mode)} is none of manual, supervised, autonomous`);
  }
  if (repository === '') problems.push('github.repository is required');
  if (!['merge', 'squash', 'rebase'].includes(strategy)) {
    problems.push(`pr_management.merge_strategy: ${short(strategy)} is none of merge, squash, rebase`);
  }
  if (!['daily', 'weekly', 'monthly'].includes(frequency)) {
    problems.push(`roadmap.generation_frequency: ${short(frequency)} is none of daily, weekly, monthly`);
  }
  const labels = getArray(processing, 'auto_claim_labels').filter((label) => typeof label === 'string');
  return {
    mode,
    repository,
    pollS: positive(getNumber(orchestrator, 'poll_interval'), defaultConfig.pollS),
    workDir: safePath(getField(orchestrator, 'work_dir'), defaultConfig.workDir) ?? defaultConfig.workDir,
    maxCostPerDay:
      getNumber(getObject(data, 'safety'), 'max_api_cost_per_day') ?? defaultConfig.maxCostPerDay,
    maxComplexity: getNumber(processing, 'max_complexity') ?? defaultConfig.maxComplexity,
    autoImplementation: getBoolean(processing, 'enable_auto_implementation') ?? true,
    autoMerge: getBoolean(getObject(data, 'pr_management'), 'auto_merge') ?? true,
    labels: labels.length > 0 ? labels.slice(0, 20) : defaultConfig.labels,
    roadmapFrequency: frequency,
    autoCreateIssues:
      getBoolean(getObject(data, 'roadmap'), 'auto_create_issues') ?? defaultConfig.autoCreateIssues,
    logLevel: getString(logging, 'level') ?? defaultConfig.logLevel,
    logFile: safePath(getField(logging, 'file'), defaultConfig.logFile),
    auditFile: safePath(getField(logging, 'audit_file'), defaultConfig.auditFile),
    written: {},
    problems: problems.slice(0, 20),
  };
}

function* problemsOfSections(data: JsonObject): Generator<string> {
  for (const [section, keys] of Object.entries(sectionKeys)) {
    const value = getField(data, section);
    if (value === undefined) continue;
    if (!isObject(value)) {
      yield `${section}: must be a section with keys, an empty one ends the start too`;
      continue;
    }
    for (const key of Object.keys(value)) {
      if (keys.includes(key)) continue;
      const name = `${section}.${key}`;
      const real = realKeys[name];
      yield `${short(name)}: no such key${real === undefined ? '' : `, the real one is ${real}`}`;
    }
  }
  const limit = getField(getObject(data, 'safety'), 'max_api_cost_per_day');
  if (limit !== undefined && typeof limit !== 'number') yield 'safety.max_api_cost_per_day: must be a number';
}

function positive(value: number | undefined, fallback: number): number {
  return value !== undefined && value > 0 ? value : fallback;
}

/**
 * A path of the configuration as a source can take it: `./` dropped; `null` where it is switched off. A value that
 * would be read as a pattern, or holds control characters, is not followed.
 */
function safePath(value: unknown, fallback: string | null): string | null {
  if (value === undefined) return fallback;
  if (value === null || value === '') return null;
  if (typeof value !== 'string' || value.length > 1000) return fallback;
  if (/[\u0000-\u001f*?[\]{}!]/.test(value)) return fallback;
  const path = value.replace(/\/{2,}/g, '/').replace(/^(\.\/)+/, '');
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
