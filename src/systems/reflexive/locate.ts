import type { SystemId } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import { keeperOf } from '../../domain/keeper.ts';
import type { JsonObject } from '../../lib/json.ts';
import { getBoolean, getObject, getString } from '../../lib/json.ts';
import type { CommonSettings, FactsOf, Located, Look, Recognition, SourceSpec } from '../system.ts';
import { defaultConfig, readConfig } from './config.ts';
import { tagFormat } from './parse-git.ts';
import { unitProperties } from './parse-unit.ts';
import { kindSetting } from './schema.ts';

/** Where the program looks for its configuration, in this order (`ConfigManager` in `src/core/config.py`). */
const configPlaces = ['config/orchestrator-config.yaml', 'orchestrator-config.yaml'] as const;

/** Sources whose files hold the daemon's lines: the log under its name, and under the names it was moved to. */
export const logSources = ['orchestrator.log'] as const;
/** Audit events are read from audit.log; where there is none, from the main log, which has them too. */
export function auditSources(facts: FactsOf): readonly string[] {
  return facts.files('audit.log').length > 0 ? ['audit.log'] : logSources;
}
/** Sources of the configuration, the one in force first. */
export const configSources = ['config.daemon', 'config', 'config.root', 'config.home'] as const;

export function recogniseReflexive(look: Look): Recognition | undefined {
  const hasCli = look.exists('src/cli.py');
  if (hasCli && look.exists('src/cycles/issue_processor.py') && look.exists('src/safety/cost_tracker.py')) {
    return { confidence: 0.95, because: 'src/cycles/issue_processor.py and src/safety/cost_tracker.py' };
  }
  if (look.exists('config/orchestrator-config.yaml')) {
    return { confidence: hasCli ? 0.9 : 0.7, because: 'config/orchestrator-config.yaml' };
  }
  if (look.exists('logs/orchestrator.log') && look.exists('logs/audit.log')) {
    const database = look.exists('workspace/analytics.db');
    return { confidence: database ? 0.8 : 0.5, because: 'logs/orchestrator.log and logs/audit.log' };
  }
  return undefined;
}

/** Every path the program uses is relative to the directory it was started in, which is the checkout. */
export function locateReflexive(
  dir: string,
  look: Look,
  system: SystemId,
  settings: CommonSettings,
): Located {
  if (!look.exists(dir)) {
    throw new UserError(`${dir}: no such directory`, [
      "name the orchestrator's checkout, the directory `python -m src.cli start` is run in",
    ]);
  }
  const home = look.env('HOME');
  const homeConfig = home === undefined || home === '' ? undefined : `${home}/.orchestrator/config.yaml`;
  const named = kindSetting(settings, 'config');
  const found = named ?? configPlaces.find((path) => look.exists(path));
  const useHome = found === undefined && homeConfig !== undefined && look.exists(homeConfig);
  const path = found ?? (useHome ? homeConfig : undefined);
  const text = path === undefined ? undefined : look.text(path);
  const read = text === undefined ? undefined : readConfig(text);
  const config = read?.ok ? read.config : defaultConfig;
  const python = pythonOf(dir, look, settings);
  if (keeperOf(kindSetting(settings, 'keeper')) === 'wrong') {
    throw new UserError(`keeper=${settingText(settings)}: not a keeper of a daemon`, [
      'keeper=systemd:UNIT, keeper=systemd-user:UNIT or keeper=docker:NAME',
    ]);
  }
  return {
    system,
    kind: 'reflexive',
    root: dir,
    timezone: settings.timezone ?? 'UTC',
    settings,
    ...(settings.url === undefined ? {} : { url: settings.url }),
    ...(python === undefined ? {} : { python }),
    extra: {
      config,
      homeConfig: useHome ? homeConfig : null,
      logFile: settings.log ?? config.logFile,
      auditFile: config.auditFile,
      workDir: config.workDir,
      hasProgram: look.exists('src/cli.py'),
      hasGit: look.exists('.git'),
      hasReflog: look.exists('.git/logs/HEAD'),
      programs: Object.fromEntries(programs.map((name) => [name, programOf(look, name)])),
    },
  };
}

function settingText(settings: CommonSettings): string {
  return (kindSetting(settings, 'keeper') ?? '').slice(0, 60);
}

/** Programs beside the orchestrator's own that acts and sources start. */
const programs = ['git', 'gh', 'sed', 'tar', 'systemctl', 'docker'] as const;
type ProgramName = (typeof programs)[number];

/** A cockpit started by sudo or a hook may have hardly any PATH; only `gh` is nothing that every such host has. */
function programOf(look: Look, name: ProgramName): string | null {
  return look.which(name) ?? (name === 'gh' ? null : `/usr/bin/${name}`);
}

/** Absolute path of a program of this host, where it would be. */
export function programPath(located: Located, name: Exclude<ProgramName, 'gh'>): string {
  return getString(getObject(located.extra, 'programs'), name) ?? `/usr/bin/${name}`;
}

/** GitHub's own program, where this host has it. */
export function ghPath(located: Located): string | undefined {
  return getString(getObject(located.extra, 'programs'), 'gh');
}

function pythonOf(dir: string, look: Look, settings: CommonSettings): string | undefined {
  if (settings.python !== undefined) return settings.python;
  // The runbook makes `venv`, most hosts have `.venv`.
  for (const folder of ['.venv', 'venv']) {
    const candidate = `${dir}/${folder}/bin/python`;
    if (look.exists(candidate)) return candidate;
  }
  return look.which('python3');
}

const operationColumns = `
  SELECT o.*, g.attempts AS attempts, g.newest AS newest_id FROM operations o
  LEFT JOIN (SELECT operation_type AS t, operation_id AS i, COUNT(*) AS attempts, MAX(id) AS newest
             FROM operations GROUP BY operation_type, operation_id) g
  ON g.t = o.operation_type AND g.i = o.operation_id`;

/** How many rows of each sort are read: what an operator may still have to deal with. */
const openRows = 500;
const closedRows = 500;

/**
 * All sources. `data` is what `derive` made out of the configuration as it is now: the paths the daemon writes to, and
 * the configuration file its command line names.
 */
export function reflexiveSources(located: Located, data: JsonObject): readonly SourceSpec[] {
  const pathOf = (key: 'logFile' | 'auditFile' | 'workDir'): string | undefined =>
    getString(data, key) ?? getString(located.extra, key);
  const logFile = pathOf('logFile');
  const auditFile = pathOf('auditFile');
  const workDir = pathOf('workDir') ?? defaultConfig.workDir;
  const named = kindSetting(located.settings, 'config');
  const daemonConfig = getString(data, 'daemonConfig');
  const homeConfig = getString(located.extra, 'homeConfig');
  const config = (id: string, glob: string): SourceSpec => ({
    id,
    parser: 'config',
    type: 'document',
    glob,
    maxBytes: 256 * 1024,
  });
  const sources: SourceSpec[] = [
    { id: 'daemon', parser: 'none', type: 'process', match: { words: ['src.cli', 'src/cli.py'] } },
    config('config', named ?? configPlaces[0]),
  ];
  if (named === undefined) sources.push(config('config.root', configPlaces[1]));
  if (homeConfig !== undefined) sources.push(config('config.home', homeConfig));
  if (daemonConfig !== undefined) sources.push(config('config.daemon', daemonConfig));
  if (logFile !== undefined) {
    // Moved by hand (docs/troubleshooting.md: `mv ... .YYYYMMDD; touch`) while the daemon goes on writing to it: one
    // source for both names, so that a line read under the one is not read again under the other.
    sources.push({ id: 'orchestrator.log', parser: 'orchestrator', type: 'log', glob: `${logFile}*` });
  }
  if (auditFile !== undefined) {
    sources.push({ id: 'audit.log', parser: 'audit', type: 'log', glob: auditFile });
  }
  sources.push(
    {
      id: 'analytics.db',
      parser: 'analytics',
      type: 'database',
      path: `${workDir}/analytics.db`,
      queries: [
        {
          id: 'open',
          sql: `${operationColumns} WHERE o.completed_at IS NULL ORDER BY o.id DESC LIMIT ${openRows}`,
        },
        {
          id: 'closed',
          sql: `${operationColumns} WHERE o.completed_at IS NOT NULL ORDER BY o.id DESC LIMIT ${closedRows}`,
        },
        {
          id: 'issues',
          sql: `SELECT operation_id, complexity, files_changed, failure_reason FROM issue_processing ORDER BY id DESC LIMIT ${closedRows}`,
          optional: true,
        },
      ],
    },
    { id: 'cost', parser: 'cost', type: 'document', glob: `${workDir}/cost_tracker.json`, maxBytes: 262_144 },
    { id: 'rate', parser: 'rate', type: 'document', glob: 'state/rate_limiter.json', maxBytes: 262_144 },
    {
      id: 'roadmap',
      parser: 'roadmap',
      type: 'document',
      glob: 'state/roadmap_schedule.json',
      maxBytes: 262_144,
    },
  );
  sources.push(...checkoutSources(located), ...keeperSources(located), ...approvalSources(located, data));
  return sources;
}

const minuteMs = 60_000;
const statusEveryMs = 30_000;

/** The checkout itself: the commands of its program, and what git knows of it. */
function checkoutSources(located: Located): SourceSpec[] {
  const sources: SourceSpec[] = [];
  if (getBoolean(located.extra, 'hasProgram') === true) {
    sources.push({
      id: 'program',
      parser: 'program',
      type: 'document',
      glob: 'src/cli.py',
      maxBytes: 1_048_576,
    });
  }
  // Its names alone: archives lie beside what they keep.
  sources.push({ id: 'backups', parser: 'backups', type: 'tree', glob: located.root, read: [] });
  const git = programPath(located, 'git');
  if (getBoolean(located.extra, 'hasGit') !== true) return sources;
  if (getBoolean(located.extra, 'hasReflog') === true) {
    sources.push({ id: 'git.head', parser: 'head', type: 'log', glob: '.git/logs/HEAD' });
  }
  const sideEffects = 'none: git reads, and is told to take no lock';
  sources.push(
    {
      id: 'git.tags',
      parser: 'tags',
      type: 'probe',
      argv: [
        git,
        'for-each-ref',
        '--sort=-creatordate',
        '--count=100',
        `--format=${tagFormat}`,
        'refs/tags/rollback-*',
        'refs/tags/pre-merge-*',
      ],
      everyMs: minuteMs,
      sideEffects,
    },
    {
      id: 'git.tree',
      parser: 'tree',
      type: 'probe',
      argv: [git, '--no-optional-locks', 'status', '--porcelain=v2', '--branch', '--untracked-files=no'],
      everyMs: statusEveryMs,
      sideEffects,
    },
  );
  return sources;
}

/** What keeps the daemon, asked how it is. */
function keeperSources(located: Located): SourceSpec[] {
  const keeper = keeperOf(kindSetting(located.settings, 'keeper'));
  if (keeper === 'wrong' || keeper.by === 'process') return [];
  const common = { id: 'keeper', parser: 'unit', type: 'probe', everyMs: 15_000 } as const;
  if (keeper.by === 'docker') {
    const docker = programPath(located, 'docker');
    const argv = [docker, 'inspect', '--type=container', '--format={{json .State}}', keeper.name];
    return [{ ...common, argv, sideEffects: 'none: docker tells the state of the container' }];
  }
  const systemctl = programPath(located, 'systemctl');
  const argv = [
    systemctl,
    ...(keeper.by === 'systemd-user' ? ['--user'] : []),
    'show',
    `--property=${unitProperties.join(',')}`,
    '--',
    keeper.name,
  ];
  return [{ ...common, argv, sideEffects: 'none: systemd tells the state of the unit' }];
}

/**
 * Approvals as the program lists them, where it can: one with `approvals list` keeps them somewhere; `approval-list` of a
 * program that does not set its logging up ends in an error each time, and is not asked.
 */
function approvalSources(located: Located, data: JsonObject): SourceSpec[] {
  const dialect = getString(data, 'approvals');
  if (located.python === undefined || (dialect !== 'runbook' && dialect !== 'code')) return [];
  const words = dialect === 'runbook' ? ['approvals', 'list'] : ['approval-list', '--json-output'];
  return [
    {
      id: 'approvals',
      parser: 'listed',
      type: 'probe',
      argv: [located.python, '-m', 'src.cli', ...words],
      cwd: located.root,
      everyMs: minuteMs,
      timeoutMs: 30_000,
      sideEffects: 'starts the program, which lists its approvals and ends',
    },
  ];
}
