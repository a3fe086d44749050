import type { Evidence, Layer } from '../../domain/entity.ts';
import { addMs, clockText } from '../../domain/instant.ts';
import { getBoolean, getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { ApiView } from './derive-api.ts';
import type { Breaker } from './derive-breakers.ts';
import { componentsOf } from './derive-components.ts';
import { loopText } from './derive-loop.ts';
import { phaseKeys } from './derive-runs.ts';
import { entityBase, evidenceOf, spanText } from './draft.ts';
import { instantOf, type PhaseFact } from './facts.ts';
import { budgetOf, phaseEndOf } from './loop-view.ts';
import type { Scene } from './scene.ts';
import { PHASES, type PhaseName } from './schema.ts';

interface LayerView {
  readonly status: Layer['status'];
  readonly summary: string;
  readonly evidence: Evidence;
  readonly logKeys?: readonly string[];
}

/** The server's three layers, the loop, and the six phases of its newest cycle. */
export function layersOf(scene: Scene, api: ApiView, breakers: readonly Breaker[]): readonly Layer[] {
  const layers: [string, string, LayerView][] = [
    ['api', 'api', apiLayer(api)],
    ['breakers', 'breakers', breakersLayer(scene, breakers)],
    ['debates', 'debates', debatesLayer(scene)],
    ['loop', 'nomic', loopLayer(scene)],
    ...PHASES.map((name): [string, string, LayerView] => [`phase.${name}`, name, phaseLayer(scene, name)]),
  ];
  return layers.map(([id, name, { logKeys, ...view }], order) => ({
    ...entityBase(scene, id, scene.file(view.evidence.source)),
    type: 'layer',
    title: name,
    order,
    name,
    ...view,
    ...(logKeys === undefined || logKeys.length === 0 ? {} : { logKeys }),
  }));
}

function apiLayer(api: ApiView): LayerView {
  const { evidence } = api;
  switch (api.state) {
    case 'up':
      return { status: 'ok', summary: api.why, evidence };
    case 'degraded':
      return { status: 'attention', summary: api.why, evidence };
    case 'down':
      return { status: 'failed', summary: `down: ${api.why}`, evidence };
    case 'silent':
      return { status: 'unknown', summary: `no answer once: ${api.why}`, evidence };
    case 'unknown':
      return { status: 'unknown', summary: api.why, evidence };
  }
}

function breakersLayer(scene: Scene, breakers: readonly Breaker[]): LayerView {
  const own = breakers.filter((one) => one.owner === 'server');
  const open = own.filter((one) => one.status === 'open');
  const trial = own.filter((one) => one.status === 'half-open');
  const out = breakers.filter((one) => one.owner === 'loop' && one.status === 'open');
  const [first] = [...open, ...trial, ...out, ...breakers];
  const file = first?.file ?? scene.file('api.breakers') ?? scene.server;
  const evidence: Evidence = file ? evidenceOf(file, first?.fact, first?.text) : { source: 'api.breakers' };
  const parts = [
    open.length > 0 ? `${open.length} open (${names(open)})` : undefined,
    trial.length > 0 ? `${trial.length} half-open (${names(trial)})` : undefined,
    out.length > 0 ? `loop leaves out ${names(out)}` : undefined,
  ].filter((part) => part !== undefined);
  if (parts.length > 0)
    return { status: 'attention', summary: parts.join(', '), evidence, logKeys: ['breakers'] };
  const asked = scene.fact('api.breakers', 'answer');
  const isAnswered = getBoolean(asked, 'ok') === true;
  if (own.every((one) => one.isOld) && !isAnswered) {
    return { status: 'unknown', summary: getString(asked, 'why') ?? 'not asked', evidence };
  }
  return {
    status: 'ok',
    summary: own.length > 0 ? `${own.length} closed` : 'none yet',
    evidence,
    logKeys: ['breakers'],
  };
}

function names(breakers: readonly Breaker[]): string {
  const shown = breakers.slice(0, 3).map((one) => firstLine(one.name, 20));
  return `${shown.join(', ')}${breakers.length > 3 ? ` +${breakers.length - 3}` : ''}`;
}

/** Trouble in a debate is told while nothing better is newer, for an hour. */
const TROUBLE_MS = 3_600_000;

function debatesLayer(scene: Scene): LayerView {
  const log = scene.server;
  const component = componentsOf(scene).find((one) => one.id === 'debates');
  const start = log?.facts.get('debate');
  const trouble = log?.facts.get('debateTrouble');
  const end = log?.facts.get('debateEnd');
  const troubleAt = instantOf(trouble, 'at');
  const endAt = instantOf(end, 'at') ?? 0;
  const logKeys = ['debates'];
  if (component && component.status !== 'up' && component.status !== 'unknown') {
    const evidence: Evidence = { source: component.file.source, url: component.file.path };
    const status = component.status === 'down' ? 'failed' : 'attention';
    return { status, summary: component.message ?? component.native, evidence, logKeys };
  }
  if (
    log &&
    troubleAt !== undefined &&
    troubleAt > endAt &&
    !scene.due.isPast(addMs(troubleAt, TROUBLE_MS))
  ) {
    const summary = firstLine(getString(trouble, 'text') ?? 'trouble', 60);
    return { status: 'attention', summary, evidence: evidenceOf(log, trouble), logKeys };
  }
  if (component) {
    const evidence: Evidence = { source: component.file.source, url: component.file.path };
    return {
      status: component.status === 'up' ? 'ok' : 'unknown',
      summary: component.native,
      evidence,
      logKeys,
    };
  }
  const startAt = instantOf(start, 'at');
  if (log && startAt !== undefined) {
    const summary = `last began ${clockText(startAt, scene.now)}`;
    return { status: 'ok', summary, evidence: evidenceOf(log, start), logKeys };
  }
  const evidence: Evidence = log ? evidenceOf(log) : { source: 'api.status' };
  return { status: 'unknown', summary: log ? 'none in the log' : 'not asked', evidence };
}

function loopLayer(scene: Scene): LayerView {
  const { loop } = scene;
  const summary = loopText(scene);
  const evidence: Evidence =
    loop.log && loop.last ? evidenceOf(loop.log, loop.last) : { source: 'nomic.log' };
  switch (loop.state) {
    case 'running':
      return { status: 'ok', summary, evidence };
    case 'waiting':
      return { status: 'attention', summary, evidence };
    case 'stalled':
      return { status: loop.stall?.isMoving ? 'attention' : 'failed', summary, evidence };
    case 'dead':
      return { status: 'failed', summary, evidence };
    case 'ended': {
      const outcome = loop.newest?.outcome;
      const isGood = outcome === 'success' || outcome === 'partial_success';
      return { status: isGood || !loop.newest ? 'ok' : 'attention', summary, evidence };
    }
    case 'unseen':
    case 'never':
      return { status: 'unknown', summary, evidence };
  }
}

/** A phase of the newest cycle: done, running until, over its budget, timed out, not reached. */
function phaseLayer(scene: Scene, name: PhaseName): LayerView {
  const { loop, now } = scene;
  const cycle = loop.newest;
  const nothing: Evidence =
    loop.log && cycle
      ? evidenceOf(loop.log, { offset: cycle.offset, at: cycle.at })
      : { source: 'nomic.log' };
  const phase = cycle?.phases.filter((one) => one.name === name).at(-1);
  const logKeys = phaseKeys(cycle, name);
  if (!cycle || !phase || !loop.log) {
    const summary = !cycle
      ? 'no cycle yet'
      : loop.open && loop.state !== 'dead' && !loop.isLogFormer
        ? 'not yet'
        : `not reached in cycle ${cycle.n}`;
    return { status: 'unknown', summary, evidence: nothing };
  }
  const place = { offset: phase.endOffset ?? phase.offset, at: phase.endAt ?? phase.at };
  const view = (status: Layer['status'], summary: string): LayerView => ({
    status,
    summary,
    evidence: evidenceOf(loop.log ?? raise(), place, `${name}: ${summary}`),
    logKeys,
  });
  const tries = phase.retry > 0 ? `, ${counted(phase.retry, 'retry').replace('retrys', 'retries')}` : '';
  if (phase.timedOut) return view('failed', `ran out of ${budgetText(phase)}${tries}`);
  if (phase.seconds !== null)
    return view('ok', `done in ${spanText(phase.seconds)} of ${budgetText(phase)}${tries}`);
  const isOpen = loop.open?.seq === cycle.seq && phase.endOffset === null && !loop.isLogFormer;
  if (!isOpen) return view(cycle.outcome === 'success' ? 'ok' : 'failed', 'left without an end');
  if (loop.state === 'dead') return view('failed', 'the loop died in it');
  const end = phaseEndOf(phase);
  const began = phase.at === null ? 'running' : `since ${clockText(phase.at, now)}`;
  const until = end === undefined ? '' : `, ${budgetText(phase)} until ${clockText(end, now)}`;
  if (loop.state === 'waiting') return view('attention', `${began}: waits at its terminal`);
  if (loop.stall?.form === 'phase') {
    return view(
      loop.stall.isMoving ? 'attention' : 'failed',
      `${began}, over its ${budgetText(phase)}${tries}`,
    );
  }
  return view('ok', `${began}${until}${tries}`);
}

function raise(): never {
  throw new Error('no log');
}

/** The announced budget; the program's default where the log has none is marked. */
function budgetText(phase: PhaseFact): string {
  const budget = budgetOf(phase);
  if (budget === undefined) return 'its budget';
  return `${spanText(budget)}${phase.budgetS === null ? ' (default)' : ''}`;
}
