import { type Evidence, type Issue, type Service, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { processEvidence } from './crew.ts';
import { componentIssues, componentServices } from './derive-components.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';
import { API_SOURCES } from './sources.ts';

/** The server inside the loop's program is mute while the loop waits at its terminal or hangs. */
export function isBlockedLoop({ place, loop }: Scene): boolean {
  return place.server === 'nomic' && (loop.state === 'waiting' || loop.state === 'stalled');
}

/** How the API stands. `silent`: no answer once, which proves nothing yet. */
export interface ApiView {
  readonly state: 'up' | 'degraded' | 'down' | 'silent' | 'unknown';
  readonly why: string;
  readonly since: Instant | undefined;
  readonly evidence: Evidence;
  readonly trail: readonly Evidence[];
}

/** Answers in a row that must be missing before a server counts as down. */
const FAILURES = 2;

/** An answer that old says nothing of now: the budget is used up, or nobody asks any more. */
const OLD_MS = 180_000;

/** Joins the health paths, the process table and the server's own log. */
export function apiViewOf(scene: Scene): ApiView {
  const ids = scene.place.server === 'nomic' ? ['api.health'] : ['api.healthz', 'api.health'];
  const files = ids.map((id) => scene.file(id)).filter((file) => file !== undefined);
  const trail = trailOf(
    ...['api.healthz', 'api.health', 'api.readyz', 'api.status'].map((id) => answerEvidence(scene.file(id))),
    ...scene.crew.servers.map(processEvidence),
    scene.server ? lifeEvidence(scene.server) : undefined,
  );
  const [first] = files;
  if (!first) return unaskedView(scene, trail);
  const evidence = answerEvidence(first) ?? evidenceOf(first);
  const newest = Math.max(...files.map((file) => instantOf(file.facts.get('answer'), 'at') ?? 0));
  if (scene.due.isPast(addMs(instant(newest), OLD_MS))) {
    const why = `not asked since ${clockText(instant(newest), scene.now)}`;
    return { state: 'unknown', why, since: undefined, evidence, trail };
  }
  const answered = files.find((file) => isReachable(file.facts.get('answer')));
  if (!answered) {
    const answer = first.facts.get('answer');
    const failures = Math.max(...files.map((file) => getNumber(file.facts.get('answer'), 'failures') ?? 0));
    const why = getString(answer, 'why') ?? 'no answer';
    const isForeign = files.some((file) => getBoolean(file.facts.get('answer'), 'isForeign') === true);
    if (isForeign) return { state: 'unknown', why, since: instantOf(answer, 'since'), evidence, trail };
    const state = failures >= FAILURES ? 'down' : 'silent';
    return { state, why, since: instantOf(answer, 'since'), evidence, trail };
  }
  const trouble = troubleOf(scene);
  if (trouble) return { state: 'degraded', ...trouble, trail };
  const since = instantOf(answered.facts.get('answer'), 'since');
  return { state: 'up', why: 'answers', since, evidence: answerEvidence(answered) ?? evidence, trail };
}

/** A refusal (401, 404) is an answer too: somebody is there. A page in place of an answer is somebody else. */
function isReachable(answer: Json | undefined): boolean {
  const status = getNumber(answer, 'status');
  return status !== undefined && status < 500 && getBoolean(answer, 'isForeign') !== true;
}

function unaskedView(scene: Scene, trail: readonly Evidence[]): ApiView {
  const [process] = scene.crew.servers;
  const evidence: Evidence = process
    ? processEvidence(process)
    : scene.server
      ? (lifeEvidence(scene.server) ?? evidenceOf(scene.server))
      : { source: 'processes' };
  const why = process
    ? `pid ${process.pid} runs, no url= to ask it`
    : scene.server
      ? 'its log is read, no url= to ask it'
      : 'no url= and no log= given';
  return { state: 'unknown', why, since: undefined, evidence, trail };
}

function lifeEvidence(server: FileFacts): Evidence | undefined {
  const line = server.facts.get('lifecycle') ?? server.facts.get('last');
  return line === undefined ? undefined : evidenceOf(server, line);
}

function answerEvidence(file: FileFacts | undefined): Evidence | undefined {
  const answer = file?.facts.get('answer');
  if (!file || answer === undefined) return undefined;
  const said = textsOf(
    getString(file.facts.get('health'), 'status'),
    getString(file.facts.get('ready'), 'status'),
    getString(file.facts.get('status'), 'message'),
  )[0];
  const text =
    getBoolean(answer, 'ok') === true ? (said ?? 'answers') : (getString(answer, 'why') ?? 'no answer');
  const at = instantOf(answer, 'since');
  return { source: file.source, url: file.path, text, ...(at === undefined ? {} : { at }) };
}

/** What the server says of itself, the worst first. */
function troubleOf(
  scene: Scene,
): { why: string; since: Instant | undefined; evidence: Evidence } | undefined {
  const of = (
    id: string,
    why: string,
  ): { why: string; since: Instant | undefined; evidence: Evidence } | undefined => {
    const file = scene.file(id);
    const evidence = answerEvidence(file);
    if (!file || !evidence) return undefined;
    return { why, since: instantOf(file.facts.get('answer'), 'since'), evidence: { ...evidence, text: why } };
  };
  const ready = scene.fact('api.readyz', 'ready');
  const readyAnswer = scene.fact('api.readyz', 'answer');
  if (
    ready !== undefined &&
    (getNumber(readyAnswer, 'status') === 503 || getString(ready, 'status') === 'not_ready')
  ) {
    const failed = getArray(ready, 'failed').join(', ');
    const reason = getString(ready, 'reason');
    return of(
      'api.readyz',
      `not ready${failed ? `: ${failed}` : reason ? `: ${firstLine(reason, 60)}` : ''}`,
    );
  }
  const healthz = scene.fact('api.healthz', 'health');
  if (getBoolean(healthz, 'degraded') === true) {
    return of('api.healthz', `degraded: ${firstLine(getString(healthz, 'reason') ?? 'no reason given', 60)}`);
  }
  const health = scene.fact('api.health', 'health');
  const word = getString(health, 'status');
  if (word !== undefined && word !== 'healthy' && word !== 'ok')
    return of('api.health', `says ${firstLine(word, 30)}`);
  return undefined;
}

/** The API, and each component its status page names. */
export function apiServices(scene: Scene, api: ApiView): readonly Service[] {
  const status: Service['status'] =
    api.state === 'silent' || api.state === 'unknown' ? 'unknown' : api.state === 'up' ? 'up' : api.state;
  const version = getString(scene.fact('api.health', 'health'), 'version');
  const build = scene.fact('api.build', 'build');
  const built = textsOf(getString(build, 'version'), getString(build, 'commit')).join(', ');
  const own: Service = {
    ...entityBase(scene, 'api', scene.file('api.healthz') ?? scene.file('api.health') ?? scene.server),
    type: 'service',
    title: 'Aragora API',
    status,
    detail: api.why,
    playbook: 'deployment-rollback',
    evidence: api.evidence,
    trail: trailOf(
      ...api.trail.filter((one) => !isSameSpot(one, api.evidence)),
      built === ''
        ? undefined
        : { source: 'api.build', url: '/api/v1/health/build', text: `deployed: ${built}` },
    ),
    cautions: textsOf(
      version !== undefined &&
        scene.place.server === 'nomic' &&
        `version ${version} is written into the code of this server, it tells nothing`,
      'health says nothing of open breakers: its count of them is always 0',
      scene.crew.servers.length > 0 && 'SIGUSR1 is no reload: the server has no handler for it and ends',
    ),
    ...(scene.server ? { logFiles: [scene.server.path] } : {}),
  };
  return [own, ...componentServices(scene)];
}

function isSameSpot(a: Evidence, b: Evidence): boolean {
  return a.source === b.source && a.offset === b.offset && a.pid === b.pid && a.text === b.text;
}

/** What is wrong with the server. */
export function apiIssues(scene: Scene, api: ApiView): readonly Issue[] {
  return [apiIssue(scene, api), ...componentIssues(scene), failuresIssue(scene)].filter(
    (issue) => issue !== undefined,
  );
}

function apiIssue(scene: Scene, api: ApiView): Issue | undefined {
  // A loop that is blocked can't answer either: that is told where the loop is.
  if (api.state === 'down' && isBlockedLoop(scene)) return undefined;
  if (api.state === 'down') {
    const [process] = scene.crew.servers;
    return issueOf(scene, 'api-down', {
      severity: 'fatal',
      title: process ? `API hangs: pid ${process.pid} gives no answer` : 'API gives no answer',
      detail: api.why,
      since: api.since,
      evidence: api.evidence,
      trail: api.trail,
      attention: {
        rank: 2,
        label: 'DOWN',
        why: process ? `${api.why}, its process lives` : `${api.why}, no process of this root seen`,
        tells: API_SOURCES,
        ...(scene.place.manager.tool === 'none' ? {} : { act: process ? 'api.restart' : 'api.start' }),
      },
      playbook: 'api-down',
      suggested: 'systemctl restart aragora: kills running debates, up again in about 10 s',
      cautions: [
        'kill -USR1 is no reload: it ends the server, and pgrep -f aragora names other processes too',
        'the loop runs without the API; open breakers survive a restart',
      ],
      ...(scene.server ? { logFiles: [scene.server.path] } : {}),
    });
  }
  if (api.state !== 'degraded') return undefined;
  return issueOf(scene, 'api-degraded', {
    severity: 'error',
    title: `API ${api.why}`,
    since: api.since,
    evidence: api.evidence,
    trail: api.trail,
    attention: {
      rank: 4,
      label: 'DEGRADED',
      why: 'answers, but takes no or less work',
      tells: [api.evidence.source],
    },
    playbook: 'api-down',
    ...(scene.server ? { logFiles: [scene.server.path] } : {}),
  });
}

const WINDOW_MS = 600_000;
const MANY = 5;

/** Requests the server answered with 5xx lately, by its log. */
function failuresIssue(scene: Scene): Issue | undefined {
  const log = scene.server;
  const fact = log?.facts.get('failures');
  if (!log || fact === undefined) return undefined;
  const times = getArray(fact, 'times').filter((at): at is number => typeof at === 'number');
  const recent = times.filter((at) => at > scene.now - WINDOW_MS && at <= scene.now);
  const leaving = recent[recent.length - MANY];
  if (recent.length < MANY || leaving === undefined) return undefined;
  scene.due.isPast(addMs(leaving as Instant, WINDOW_MS));
  const since = recent[0] as Instant;
  return issueOf(scene, 'server-errors', {
    severity: 'warning',
    title: `${counted(recent.length, 'request')} failed in 10 min`,
    detail: getString(fact, 'text') ?? '',
    since,
    evidence: evidenceOf(log, fact),
    attention: {
      rank: 5,
      label: 'ERRORS',
      why: `last ${clockText(instantOf(fact, 'at') ?? since, scene.now)}: ${firstLine(getString(fact, 'text') ?? '', 60)}`,
    },
    playbook: 'error-rate',
    logFiles: [log.path],
  });
}
