import { type Issue, type Service, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import { breakerKey, UNNAMED } from './parse-server.ts';
import type { Scene } from './scene.ts';

/** One circuit breaker, from the server or the loop. */
export interface Breaker {
  readonly id: string;
  readonly name: string;
  readonly owner: 'server' | 'loop';
  readonly status: 'closed' | 'open' | 'half-open' | 'unknown';
  readonly since: Instant | undefined;
  /** When it lets a trial call through by itself. */
  readonly until: Instant | undefined;
  readonly text: string;
  readonly file: FileFacts;
  readonly fact: Json;
  /** Known from a line of the log alone, which tells no half-open. */
  readonly isFromLog: boolean;
  /** The server said so once and gives no answer now. */
  readonly isOld?: true;
}

/** All breakers: the server's answer where it can be asked, else what log and gauges say and what it said before, and the loop's own. */
export function breakersOf(scene: Scene): readonly Breaker[] {
  return [...serverBreakers(scene), ...loopBreakers(scene)];
}

function serverBreakers(scene: Scene): readonly Breaker[] {
  const file = scene.file('api.breakers');
  const answered = file
    ? getArray(file.facts.get('breakers'), 'items').map((item) => answeredBreaker(scene, file, item))
    : [];
  if (getBoolean(file?.facts.get('answer'), 'ok') === true) return answered;
  const told = toldBreakers(scene);
  const known = new Set(told.map((one) => one.name));
  return [...told, ...answered.filter((one) => !known.has(one.name)).map(asOld)];
}

/** What was open may be so still; that something is closed is known by an answer alone. */
function asOld(breaker: Breaker): Breaker {
  const text = `${breaker.text}${breaker.text === '' ? '' : ', '}when it last answered`;
  return { ...breaker, status: breaker.status === 'closed' ? 'unknown' : breaker.status, text, isOld: true };
}

/** Of a server that can't be asked: what its log last said of each, and its gauges. */
function toldBreakers(scene: Scene): readonly Breaker[] {
  const log = scene.server;
  if (!log) return gaugedBreakers(scene);
  const found: Breaker[] = [];
  const reset = instantOf(log.facts.get('breakersReset'), 'at');
  for (const [key, fact] of log.facts) {
    if (!key.startsWith('breaker/')) continue;
    const name = key.slice('breaker/'.length);
    const since = instantOf(fact, 'at');
    const isReset = reset !== undefined && (since === undefined || reset > since);
    const status = isReset ? 'closed' : statusOf(getString(fact, 'state'));
    found.push({
      id: `breaker.${name}`,
      name,
      owner: 'server',
      status,
      since: isReset ? reset : since,
      until: undefined,
      text: getString(fact, 'text') ?? status,
      file: log,
      fact,
      isFromLog: true,
    });
  }
  const known = new Set(found.map((one) => one.name));
  const gauged = gaugedBreakers(scene).filter((one) => !known.has(one.name));
  return [...found, ...gauged].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** By the gauges: of two modules one calls 1 open and 2 half-open, the other the reverse. Not closed is all they tell. */
function gaugedBreakers(scene: Scene): readonly Breaker[] {
  const file = scene.file('api.metrics');
  if (!file || getBoolean(file.facts.get('answer'), 'ok') !== true) return [];
  return getArray(file.facts.get('agents'), 'names').flatMap((name): Breaker[] =>
    typeof name === 'string'
      ? [
          {
            id: `breaker.${name}`,
            name,
            owner: 'server',
            status: 'half-open',
            since: undefined,
            until: undefined,
            text: 'not closed: open or on trial, the gauge does not say which',
            file,
            fact: { offset: null, at: null },
            isFromLog: false,
          },
        ]
      : [],
  );
}

function answeredBreaker(scene: Scene, file: FileFacts, item: Json): Breaker {
  const name = getString(item, 'name') ?? '?';
  const told = statusOf(getString(item, 'status'));
  const failures = getNumber(item, 'failures');
  const threshold = getNumber(item, 'threshold');
  const until = instantOf(item, 'until');
  const entities = getArray(item, 'entities').filter((one) => typeof one === 'string');
  // The cooldown ends between two answers: from then on the next call is a trial.
  const isOver = told === 'open' && until !== undefined && scene.due.isPast(until);
  const status = isOver ? 'half-open' : told;
  const parts = textsOf(
    status === 'closed' && entities.length > 0 ? undefined : status,
    failures !== undefined && failures > 0 && `${failures} of ${threshold ?? '?'} failures`,
    status === 'open' && until !== undefined && `tries again ${clockText(until, scene.now)}`,
    isOver && until !== undefined && `cooldown over ${clockText(until, scene.now)}`,
    entities.length > 0 && `open for ${entities.slice(0, 5).join(', ')}`,
  );
  return {
    id: `breaker.${name}`,
    name,
    owner: 'server',
    // A breaker kept per entity says closed as a whole while some of its entities are open.
    status: status === 'closed' && entities.length > 0 ? 'open' : status,
    since: instantOf(item, 'since'),
    until,
    text: parts.join(', '),
    file,
    fact: item,
    isFromLog: false,
  };
}

/** Both spellings of the program, and its older numbers by name. */
function statusOf(text: string | undefined): Breaker['status'] {
  const word = (text ?? '').toLowerCase().replace('_', '-');
  return word === 'closed' || word === 'open' || word === 'half-open' ? word : 'unknown';
}

/** `.nomic/circuit_breaker.json`: a cooldown is a number of cycles the agent is left out of. */
function loopBreakers(scene: Scene): readonly Breaker[] {
  const file = scene.file('nomic.breakers');
  if (!file) return [];
  const saved = instantOf(file.facts.get('saved'), 'at');
  const found: Breaker[] = [];
  for (const [key, fact] of file.facts) {
    if (!key.startsWith('agent/')) continue;
    const name = key.slice('agent/'.length);
    const failures = getNumber(fact, 'failures') ?? 0;
    const cooldown = getNumber(fact, 'cooldown') ?? 0;
    const barred = getArray(fact, 'barred').filter((one) => typeof one === 'string');
    if (failures === 0 && cooldown === 0 && barred.length === 0) continue;
    const isOpen = cooldown > 0 || barred.length > 0;
    const parts = textsOf(
      cooldown > 0 && `left out for ${counted(cooldown, 'cycle')}`,
      barred.length > 0 && `left out of ${barred.join(', ')}`,
      failures > 0 && counted(failures, 'failure'),
    );
    found.push({
      id: `breaker.nomic.${name}`,
      name,
      owner: 'loop',
      status: isOpen ? 'open' : 'closed',
      since: saved,
      until: undefined,
      text: parts.join(', '),
      file,
      fact: { offset: null, at: saved ?? null },
      isFromLog: false,
    });
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A breaker as a service: open is down, half-open is on trial. */
export function breakerServices(scene: Scene, breakers: readonly Breaker[]): readonly Service[] {
  return breakers.map((breaker) => ({
    ...entityBase(scene, breaker.id, breaker.file),
    type: 'service',
    title: breaker.owner === 'loop' ? `loop breaker ${breaker.name}` : `breaker ${breaker.name}`,
    status: serviceStatus(breaker),
    detail: breaker.text,
    evidence: breakerEvidence(breaker),
    logKeys: [breakerKey(breaker.name)],
    cautions: textsOf(
      breaker.name === UNNAMED &&
        'the server logs its single breakers without a name: several may be this one',
      breaker.isFromLog &&
        breaker.status === 'open' &&
        'known from the log alone: it may be on trial by now, the log does not say',
      breaker.owner === 'server' &&
        breaker.status !== 'closed' &&
        'neither a restart nor the admin reset clears it: only its cooldown and one success do',
      breaker.owner === 'loop' &&
        breaker.status !== 'closed' &&
        'kept over restarts; cleared by cycles, or by editing the file while the loop is down',
    ),
  }));
}

function serviceStatus(breaker: Breaker): Service['status'] {
  if (breaker.status === 'closed') return 'up';
  if (breaker.status === 'half-open') return 'degraded';
  if (breaker.status === 'unknown') return 'unknown';
  return breaker.owner === 'loop' ? 'degraded' : 'down';
}

function breakerEvidence(breaker: Breaker): Issue['evidence'] {
  const at = breaker.since ?? instantOf(breaker.file.facts.get('answer'), 'since');
  const offset = getNumber(breaker.fact, 'offset');
  return evidenceOf(
    breaker.file,
    { ...(offset === undefined ? {} : { offset }), at: at ?? null },
    breaker.text,
  );
}

/** An open breaker closes by itself in the good case: beyond that, somebody must look at what it guards. */
const LONG_OPEN_MS = 600_000;

/** An issue for each open breaker; those of the loop only cost an agent and wait without it. */
export function breakerIssues(scene: Scene, breakers: readonly Breaker[]): readonly Issue[] {
  return breakers
    .filter((breaker) => breaker.status === 'open' || breaker.status === 'half-open')
    .map((breaker) => breakerIssue(scene, breaker));
}

function breakerIssue(scene: Scene, breaker: Breaker): Issue {
  const { due, now } = scene;
  const isLoop = breaker.owner === 'loop';
  const isOpen = breaker.status === 'open';
  const isLong =
    isOpen &&
    breaker.since !== undefined &&
    due.isPast(addMs(instant(breaker.since), LONG_OPEN_MS)) &&
    !isLoop;
  const name = isLoop ? `loop leaves ${breaker.name} out` : `breaker ${breaker.name} ${breaker.status}`;
  const until = breaker.until;
  return issueOf(scene, `breaker-open/${breaker.id.slice('breaker.'.length)}`, {
    severity: isOpen && !isLoop ? (isLong ? 'error' : 'warning') : 'info',
    title: name,
    detail: breaker.text,
    ...(breaker.isOld ? { isUnchecked: true } : {}),
    since: breaker.since,
    evidence: breakerEvidence(breaker),
    trail: trailOf(serverLine(scene, breaker)),
    ...(isOpen && !isLoop
      ? {
          attention: {
            rank: 5,
            label: 'BREAKER',
            why: breaker.text,
            group: 'breakers',
            ...(until === undefined || until <= now ? {} : { until }),
            onExpiry: 'half-open by itself, one success closes it',
          } as const,
        }
      : {}),
    playbook: 'breaker-open',
    cautions: textsOf(
      breaker.isFromLog && 'known from the log alone: it may be on trial by now, the log does not say',
    ),
    logKeys: [breakerKey(breaker.name)],
  });
}

function serverLine(scene: Scene, breaker: Breaker): Issue['evidence'] | undefined {
  const log = scene.server;
  if (!log || breaker.owner === 'loop' || breaker.file === log) return undefined;
  const fact = log.facts.get(`breaker/${breaker.name}`) ?? log.facts.get(`breaker/${UNNAMED}`);
  return fact === undefined ? undefined : evidenceOf(log, fact);
}
