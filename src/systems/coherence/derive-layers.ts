import type { DueTimes } from '../../domain/due-times.ts';
import { type Evidence, type Issue, type Layer, trailOf } from '../../domain/entity.ts';
import { addMs, clockText } from '../../domain/instant.ts';
import { getField, getObject, getString, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import { processEvidence, youngest } from './derive-process.ts';
import { entityBase } from './draft.ts';
import { isMonitorOverdue, overdueMs } from './monitor-check.ts';
import type { Scene } from './scene.ts';
import { instantOf } from './seen.ts';

/** What our own look gives for a layer; the report's word stands beside it as evidence. */
interface LayerView {
  readonly status: Layer['status'];
  readonly summary: string;
  readonly evidence?: Evidence | undefined;
  readonly trail?: readonly Evidence[];
  readonly cautions?: readonly string[];
}

/**
 * The four layers of `pipeline_status_report.json`. The report is only as good as its last check and takes any process
 * of the machine for ours, so processes and the API's answer decide where we can see them; what needs the API is
 * unknown while that does not answer.
 */
export function layersOf(
  scene: Scene,
  issues: readonly Issue[],
  waiting: number,
  due: DueTimes,
): readonly Layer[] {
  const report = scene.report?.fact('report');
  const generatedAt = instantOf(report, 'generatedAt');
  if (generatedAt !== undefined) due.isPast(addMs(generatedAt, overdueMs(scene)));
  const isOld = generatedAt === undefined || scene.now >= generatedAt + overdueMs(scene);
  return [
    layer(scene, 0, 'goal', 'layer_0_goal', goalLayer(scene, report, isOld)),
    layer(scene, 1, 'orchestration', 'layer_1_orchestration', orchestrationLayer(scene, report)),
    layer(scene, 2, 'execution', 'layer_2_execution', executionLayer(scene, report, isOld)),
    layer(scene, 3, 'attention', 'layer_3_attention', attentionLayer(scene, issues, waiting)),
  ];
}

function layer(scene: Scene, order: number, name: string, key: string, view: LayerView): Layer {
  const report = scene.report?.fact('report');
  const said = getObject(getObject(report, 'layers') ?? {}, key);
  const at = instantOf(report, 'generatedAt');
  const reported =
    scene.report && said
      ? scene.report.at(
          at === undefined ? undefined : { at },
          `${key}: ${getString(said, 'status') ?? '?'}, ${getString(said, 'summary') ?? ''}`,
        )
      : undefined;
  const evidence = view.evidence ?? reported ?? { source: 'report', text: 'no report was written yet' };
  return {
    ...entityBase(scene, name, scene.report?.file.readAt),
    type: 'layer',
    order,
    name,
    title: name,
    status: view.status,
    summary: view.summary,
    evidence,
    trail: trailOf(...(view.trail ?? []), evidence === reported ? undefined : reported),
    logKeys: [`L${order}:`],
    ...(view.cautions ? { cautions: view.cautions } : {}),
  };
}

function reportedLayer(report: Json | undefined, key: string): { status: string; summary: string } {
  const said = getField(getObject(report, 'layers') ?? {}, key);
  return {
    status: getString(said, 'status') ?? 'unknown',
    summary: getString(said, 'summary') ?? 'nothing reported',
  };
}

function wordStatus(word: string): Layer['status'] {
  return word === 'ok' ? 'ok' : word === 'needs_attention' ? 'attention' : 'unknown';
}

function goalLayer(scene: Scene, report: Json | undefined, isOld: boolean): LayerView {
  const said = reportedLayer(report, 'layer_0_goal');
  const at = instantOf(report, 'generatedAt');
  if (scene.api.state === 'down') return { status: 'unknown', summary: 'Data unavailable (API down)' };
  if (at === undefined) return { status: 'unknown', summary: 'no report yet' };
  if (isOld) return { status: 'unknown', summary: `report of ${clockText(at, scene.now)}: ${said.summary}` };
  return { status: wordStatus(said.status), summary: said.summary };
}

function orchestrationLayer(scene: Scene, report: Json | undefined): LayerView {
  const manager = youngest(scene.crew.of.manager);
  const runner = youngest(scene.crew.of.runner);
  const said = reportedLayer(report, 'layer_1_orchestration');
  const trail = trailOf(runner ? processEvidence(runner) : undefined);
  const evidence = manager
    ? processEvidence(manager)
    : { source: 'processes', text: 'no project manager of this checkout' };
  if (!manager && scene.crew.unattributed.length > 0) {
    return { status: 'unknown', summary: 'processes of another user; their checkout can’t be seen', trail };
  }
  const inFlight = scene.manager ? `, ${scene.manager.inFlight.length} in flight` : '';
  if (manager && runner) {
    const blocked = scene.manager?.blocked === true;
    return {
      status: blocked ? 'attention' : 'ok',
      summary: blocked
        ? `PM ${manager.pid} blocked on a decision${inFlight}`
        : `PM ${manager.pid}, runner ${runner.pid}${inFlight}`,
      evidence,
      trail,
    };
  }
  if (manager) return { status: 'attention', summary: `PM ${manager.pid} runs, no runner`, evidence, trail };
  const cautions = [
    'The report says ok: it takes any project manager or runner of this machine for its own.',
  ];
  return {
    status: 'failed',
    summary: runner ? `PM not seen, runner ${runner.pid} lives` : 'PM and runner not seen',
    evidence,
    trail,
    ...(said.status === 'ok' ? { cautions } : {}),
  };
}

function executionLayer(scene: Scene, report: Json | undefined, isOld: boolean): LayerView {
  const said = reportedLayer(report, 'layer_2_execution');
  const { api } = scene;
  if (api.state === 'down')
    return { status: 'failed', summary: `API down: ${api.why}`, evidence: api.evidence };
  if (api.state === 'unknown' || isOld) {
    if (api.state === 'up')
      return { status: 'ok', summary: `API answers (${api.why})`, evidence: api.evidence };
    return { status: 'unknown', summary: `API: ${api.why}`, evidence: api.evidence };
  }
  if (said.status === 'needs_attention' && !/^API down/.test(said.summary)) {
    return { status: 'attention', summary: said.summary, trail: trailOf(api.evidence) };
  }
  return { status: 'ok', summary: `API answers (${api.why})`, evidence: api.evidence };
}

function attentionLayer(scene: Scene, issues: readonly Issue[], waiting: number): LayerView {
  const unchecked = issues.filter((issue) => issue.status === 'unchecked').length;
  const open = issues.filter((issue) => issue.status === 'open' && issue.severity !== 'info').length;
  const parts = [
    open > 0 ? counted(open, 'issue') : undefined,
    unchecked > 0 ? `${unchecked} unchecked` : undefined,
    waiting > 0 ? `${waiting} waiting for an answer` : undefined,
  ].filter((part) => part !== undefined);
  const summary = parts.length > 0 ? parts.join(', ') : 'no issues';
  if (open + waiting > 0) return { status: 'attention', summary };
  if (unchecked > 0 || !scene.check || isMonitorOverdue(scene)) return { status: 'unknown', summary };
  return { status: 'ok', summary };
}
