import { type Evidence, type Service, trailOf } from '../../domain/entity.ts';
import { clockText } from '../../domain/instant.ts';
import { getNumber, getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { processEvidence } from './crew.ts';
import { entityBase, evidenceOf, spanText, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { budgetOf, countsOf, type LoopView } from './loop-view.ts';
import type { Scene } from './scene.ts';

/** What the loop does now, in a few words; no ages in it. */
export function loopText(scene: Scene): string {
  const { loop, now } = scene;
  const where = loop.open
    ? `cycle ${loop.open.n}${loop.phase ? ` ${loop.phase.name}` : ''}`
    : loop.newest
      ? `after cycle ${loop.newest.n}`
      : 'before its first cycle';
  switch (loop.state) {
    case 'never':
      return 'never ran here';
    case 'running':
      return loop.isLogFormer ? 'started, nothing logged yet' : where;
    case 'waiting':
      return `${where}: waits at its terminal`;
    case 'stalled':
      return `${where}: ${stallText(loop)}`;
    case 'unseen':
      return `${where}: its process is not seen`;
    case 'dead':
      return `died in ${where}`;
    case 'ended': {
      const { cycles, commits } = countsOf(loop.end);
      const counts =
        cycles === undefined ? '' : `: ${counted(cycles, 'cycle')}, ${counted(commits ?? 0, 'commit')}`;
      return `ended${loop.endedAt === undefined ? '' : ` ${clockText(loop.endedAt, now)}`}${counts}`;
    }
  }
}

/** The limit that did not end it. */
export function stallText(loop: LoopView): string {
  const { stall } = loop;
  if (!stall) return 'stalled';
  if (stall.form === 'silence') return 'silent';
  if (stall.form === 'deadline') return 'past its deadline';
  const budget = stall.phase ? budgetOf(stall.phase) : undefined;
  return `over its ${budget === undefined ? '' : `${spanText(budget)} `}budget`;
}

/** The loop as a service. A loop that ended by itself is neither up nor down: it is not meant to run. */
export function loopService(scene: Scene): Service {
  const { loop } = scene;
  const status: Service['status'] =
    loop.state === 'running'
      ? 'up'
      : loop.state === 'stalled' || loop.state === 'waiting'
        ? 'degraded'
        : loop.state === 'dead'
          ? 'down'
          : 'unknown';
  const state = scene.file('nomic.state');
  return {
    ...entityBase(scene, 'loop', loop.log),
    type: 'service',
    title: 'Nomic loop',
    status,
    detail: loopText(scene),
    evidence: lastEvidence(loop) ?? { source: 'nomic.log', path: `${scene.place.nomic}/nomic_loop.log` },
    trail: trailOf(
      ...(loop.process ? [processEvidence(loop.process)] : loop.unattributed.map(processEvidence)),
      loop.log && loop.start !== undefined ? evidenceOf(loop.log, loop.start, 'loop started') : undefined,
      loop.log && loop.end !== undefined ? evidenceOf(loop.log, loop.end, 'loop complete') : undefined,
      answeredEvidence(scene),
      stateEvidence(scene),
      crashEvidence(scene),
    ),
    logFiles: textsOf(loop.log?.path, scene.file('nomic.crash')?.path),
    cautions: textsOf(
      state !== undefined && staleText(scene),
      constitutionText(loop),
      zoneText(scene),
      scene.crew.loops.length > 1 && `${scene.crew.loops.length} loops run on this root at once, in one log`,
      loop.process &&
        'kill -USR1 "$(pgrep -f aragora)" ends every process with that word in its command line',
    ),
  };
}

/** What the server inside the loop's program says of it: the one live phase that is told truly. */
function answeredEvidence(scene: Scene): Evidence | undefined {
  const file = scene.file('api.nomic');
  if (!file || !scene.loop.isAnswering) return undefined;
  const state = file.facts.get('nomic');
  const text = textsOf(
    `cycle ${getNumber(state, 'cycle') ?? '?'}, phase ${firstLine(getString(state, 'phase') ?? '?', 40)}`,
    getString(state, 'loop'),
  ).join(', ');
  return { source: file.source, url: file.path, text };
}

function lastEvidence(loop: LoopView): Evidence | undefined {
  return loop.log && loop.last ? evidenceOf(loop.log, loop.last) : undefined;
}

export function stateEvidence(scene: Scene): Evidence | undefined {
  const file = scene.file('nomic.state');
  const state = file?.facts.get('state');
  if (!file || state === undefined) return undefined;
  const words = textsOf(
    `state file says ${getString(state, 'phase') ?? 'running'}`,
    getNumber(state, 'cycle') !== undefined && `cycle ${getNumber(state, 'cycle')}`,
  );
  const at = instantOf(state, 'savedAt') ?? instantOf(state, 'lastUpdate');
  return evidenceOf(file, at === undefined ? undefined : { at }, words.join(', '));
}

/** The file is replaced by each save and by nothing when a cycle fails: said where it says something else. */
function staleText(scene: Scene): string | undefined {
  const { loop } = scene;
  const state = scene.fact('nomic.state', 'state');
  const phase = getString(state, 'phase');
  if (phase === undefined) return undefined;
  const isOver = loop.state === 'ended' || loop.state === 'dead';
  if (!isOver || phase === 'cycle_complete' || phase === 'idle') return undefined;
  return `nomic_state.json still says ${firstLine(phase, 40)}: it is not kept, the log is`;
}

function constitutionText(loop: LoopView): string | undefined {
  return loop.log?.facts.get('constitution') === undefined
    ? undefined
    : 'no constitution.json: its safety rules are off';
}

const QUARTER_MS = 900_000;

/** Times of the log that are off by whole quarters of an hour from when the file was written: another zone. */
function zoneText(scene: Scene): string | undefined {
  const { log, last } = scene.loop;
  if (!log?.modifiedAt || !last?.at) return undefined;
  const off = log.modifiedAt - last.at;
  const quarters = Math.round(off / QUARTER_MS);
  if (quarters === 0 || Math.abs(quarters) > 56 || Math.abs(off - quarters * QUARTER_MS) > 3_000)
    return undefined;
  // Without a process the file may have been copied; with one its last line was written when it was modified.
  if (!scene.loop.process || scene.loop.isLogFormer) return undefined;
  return `log times are ${(quarters / 4).toString()} h off from when it was written: check timezone=`;
}

export function crashEvidence(scene: Scene): Evidence | undefined {
  const file = scene.file('nomic.crash');
  const error = file?.facts.get('error');
  const at = instantOf(error, 'at');
  const start = scene.loop.startedAt;
  if (!file || at === undefined || (start !== undefined && at < start)) return undefined;
  return evidenceOf(file, error);
}
