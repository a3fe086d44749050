import { lookInto } from '../config/look.ts';
import type { Options } from '../config/options.ts';
import { type ConfiguredSystem, secretOf } from '../config/systems.ts';
import { sqliteVersion } from '../db/sqlite-version.ts';
import { checkHost } from '../doctor/machine.ts';
import { checkRecords } from '../doctor/records.ts';
import { checkSource } from '../doctor/sources.ts';
import { checkSystem, type SystemLook } from '../doctor/system.ts';
import { checkTerminal } from '../doctor/terminal.ts';
import type { Entity } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import type { Finding, PartFinding } from '../domain/finding.ts';
import type { Instant } from '../domain/instant.ts';
import { systemClock } from '../host/clock.ts';
import { type Identity, readIdentity } from '../host/identity.ts';
import { runProcess } from '../host/process.ts';
import type { SystemKind } from '../systems/system.ts';
import { checkOwnConfig } from './config-verb.ts';
import { verifyLedgers } from './ledger-verb.ts';
import { launcherPid } from './private-node.ts';
import { ownMasker } from './secrets.ts';
import { terminalProblem } from './terminal-problem.ts';
import { openEngine, type VerbEngine } from './verb-engine.ts';
import { programVersion } from './version.ts';

/** How many things an act is tried on before it counts as one that has nothing to do now. */
const MOST_TRIED = 3;
const TMUX_MS = 2_000;

/** All findings, in the order of what rests on what: the program, its configuration, its records, the host, systems. */
export async function examine(
  options: Options,
  cwd: string,
): Promise<{ readonly at: Instant; readonly findings: readonly Finding[] }> {
  const who = readIdentity();
  const opened = await openAll(options);
  const findings: Finding[] = [
    ...inArea('binnacle', await checkProgram()),
    ...inArea(
      'configuration',
      opened instanceof UserError ? [failureOf(opened)] : await configuration(opened, options, cwd),
    ),
    ...inArea('records', [
      ...(await guarded('records', () => checkRecords(process.env, who))),
      ...checkLedgers(),
    ]),
  ];
  if (!(opened instanceof UserError)) findings.push(...inArea('records', recordTroubles(opened)));
  const systems = opened instanceof UserError ? [] : opened.session.systems;
  const summaries = opened instanceof UserError ? [] : opened.state().systems;
  const logs = summaries.flatMap(({ sources }) => sources.filter(({ type }) => type === 'log'));
  const openLogs = logs.reduce((sum, { items }) => sum + items, 0);
  const watchable = systems[0]?.located.root;
  findings.push(
    ...inArea('host', checkHost({ user: who.user, openLogs, watchable })),
    ...inArea('terminal', await terminal(cwd)),
  );
  if (!(opened instanceof UserError)) {
    try {
      for (const absent of opened.session.absent)
        findings.push(...inArea(absent.system, [failureOf(absent.error)]));
      for (const system of systems) {
        const summary = summaries.find(({ id }) => id === system.located.system);
        const { log } = system.located.settings;
        findings.push(
          ...inArea(system.located.system, [
            ...(await checkSystem(await lookAtSystem(opened, system, who))),
            ...(summary?.sources ?? []).flatMap((one) => checkSource(one, log === undefined ? [] : [log])),
          ]),
        );
      }
    } finally {
      await opened.close();
    }
  }
  return { at: systemClock().now(), findings: ownMasker.value(findings) };
}

async function openAll(options: Options): Promise<VerbEngine | UserError> {
  try {
    return await openEngine(options, { withActs: 'if there, or none' });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function inArea(area: string, findings: readonly PartFinding[]): readonly Finding[] {
  return findings.map((finding) => ({ area, ...finding }));
}

function failureOf({ message, nextSteps, exitCode }: UserError): PartFinding {
  return {
    subject: 'systems',
    level: 'fail',
    exit: exitCode === 2 ? 2 : 3,
    says: message,
    ...(nextSteps.length > 0 ? { mend: nextSteps.join('; ') } : {}),
  };
}

/** Findings of a check that may meet a mistake of its user, such as a variable that names no directory. */
async function guarded(
  subject: string,
  check: () => readonly PartFinding[] | Promise<readonly PartFinding[]>,
): Promise<readonly PartFinding[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof UserError) return [{ ...failureOf(error), subject }];
    throw error;
  }
}

async function checkProgram(): Promise<readonly PartFinding[]> {
  const isOwnNode = launcherPid(process.env, process.ppid) !== undefined;
  const node = `Node ${process.versions.node}${isOwnNode ? ", its own: the host's is too old" : ''}`;
  return [
    { subject: 'version', level: 'ok', says: `${programVersion()} on ${node}` },
    ...(await guarded('sqlite', () => [
      { subject: 'sqlite', level: 'ok', says: `SQLite ${sqliteVersion()}` },
    ])),
  ];
}

async function configuration(
  { session }: VerbEngine,
  options: Options,
  cwd: string,
): Promise<readonly PartFinding[]> {
  const { configPath, from, systems, absent } = session;
  const count = systems.length + absent.length;
  const named = `${count === 1 ? 'one system' : `${count} systems`} from the ${from}`;
  const found = { subject: 'systems', level: 'ok' as const, says: `${configPath ?? 'no file'}; ${named}` };
  // Systems that are absent are told by themselves, and would be all that is told here.
  if (configPath === undefined || absent.length > 0) return [found];
  return [
    found,
    ...(await guarded('keys and hooks', async () => {
      await checkOwnConfig(options, cwd);
      return [];
    })),
  ];
}

/** What is wrong beside systems that are absent, which are told by their names. */
function recordTroubles({ troubles, session }: VerbEngine): readonly PartFinding[] {
  return troubles.slice(session.absent.length).map((error) => ({ ...failureOf(error), subject: 'acts' }));
}

function checkLedgers(): readonly PartFinding[] {
  try {
    return verifyLedgers().map(({ chain, verdict }): PartFinding => {
      const subject = chain === '' ? 'ledger' : `ledger of ${chain}`;
      if (verdict.ok) return { subject, level: 'ok', says: `whole, ${verdict.rows} rows` };
      return {
        subject,
        level: 'fail',
        says: verdict.notes.join('; ') || 'not whole',
        mend: '`binnacle ledger verify` names the row; `binnacle ledger repair` begins a new one with what is whole',
      };
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.exitCode === 0 ? [] : [{ ...failureOf(error), subject: 'ledger' }];
  }
}

async function terminal(cwd: string): Promise<readonly PartFinding[]> {
  const { stdin, stdout, env } = process;
  const tmux = lookInto(cwd, env).which('tmux');
  return await checkTerminal({
    problem: terminalProblem(stdin, stdout, env),
    isTerminal: stdout.isTTY === true,
    columns: stdout.columns,
    rows: stdout.rows,
    env,
    async tmuxOption(name) {
      if (tmux === undefined) return undefined;
      const ran = await runProcess({
        argv: [tmux, 'show-options', '-sv', name],
        cwd: '/',
        env: { TMUX: env['TMUX'] ?? '', PATH: env['PATH'] ?? '' },
        timeoutMs: TMUX_MS,
        maxBytes: 1_024,
      });
      return ran.exitCode === 0 ? ran.stdout.text.trim() : undefined;
    },
  });
}

async function lookAtSystem(
  { engine, state }: VerbEngine,
  { kind, located }: ConfiguredSystem,
  who: Identity,
): Promise<SystemLook> {
  const entities = Object.values(state().lists)
    .flat()
    .filter(({ system }) => system === located.system);
  const steps: SystemLook['steps'][number][] = [];
  for (const act of kind.acts) {
    for (const target of applicable(act, entities)) {
      const { system, type, id } = target;
      const preview = await engine
        .call('preview', { act: act.id, target: { system, type, id }, params: {} })
        .catch((error: unknown) => ({ steps: [], why: messageOf(error) }));
      if (preview.steps.length === 0) continue;
      steps.push({ act: act.id, steps: preview.steps });
      break;
    }
  }
  return {
    ...{ located, who, steps },
    look: lookInto(located.root, process.env),
    sources: kind.sources(located, {}),
    secret: (name) => secretOf(located, name, process.env),
  };
}

function applicable(act: SystemKind['acts'][number], entities: readonly Entity[]): readonly Entity[] {
  const found: Entity[] = [];
  for (const entity of entities) {
    if (act.appliesTo(entity)) found.push(entity);
    if (found.length === MOST_TRIED) break;
  }
  return found;
}
