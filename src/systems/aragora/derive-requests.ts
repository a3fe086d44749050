import { type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import { processEvidence } from './crew.ts';
import { evidenceOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

/** A start that was asked over HTTP should show within this. */
const START_MS = 30_000;

/**
 * Requests that were answered with success and did nothing: the HTTP handlers only edit nomic_state.json, which the
 * loop never reads and overwrites with its next save; a start spawns a program that ends at once.
 */
export function requestIssues(scene: Scene): readonly Issue[] {
  return [editIssue(scene), startIssue(scene)].filter((issue) => issue !== undefined);
}

function editIssue(scene: Scene): Issue | undefined {
  const { loop, now } = scene;
  if (!loop.process || loop.isLogFormer) return undefined;
  const asked = askedInFile(scene) ?? askedInLog(scene);
  if (!asked) return undefined;
  const moved = loop.last?.at ?? undefined;
  return issueOf(scene, `${asked.verb}-no-effect`, {
    severity: 'warning',
    title: `${asked.verb} asked, the loop goes on`,
    detail: `answered with success; only nomic_state.json was edited, which the loop never reads`,
    since: asked.at,
    evidence: asked.evidence,
    trail: trailOf(
      asked.evidence,
      processEvidence(loop.process),
      loop.log && loop.last ? evidenceOf(loop.log, loop.last, `last line: ${loop.last.text}`) : undefined,
    ),
    attention: {
      rank: 7,
      label: 'NO EFFECT',
      why:
        moved !== undefined && moved > asked.at
          ? `loop logged on at ${clockText(moved, now)}`
          : `pid ${loop.process.pid} never reads the file`,
      act: 'loop.stop',
      menu: 'pause',
    },
    playbook: 'stop-loop',
    cautions: ['reset ignores its target phase: it always goes to idle', 'to stop it: SIGTERM to its pid'],
  });
}

interface Asked {
  readonly verb: 'pause' | 'reset';
  readonly at: Instant;
  readonly evidence: ReturnType<typeof evidenceOf>;
}

function askedInFile(scene: Scene): Asked | undefined {
  const file = scene.file('nomic.state');
  const state = file?.facts.get('state');
  if (!file || state === undefined) return undefined;
  const started = scene.loop.process?.startedAt;
  const isMine = (at: Instant | undefined): at is Instant =>
    at !== undefined && (started === undefined || at >= started);
  const pausedAt = instantOf(state, 'pausedAt');
  const by = firstLine(getString(state, 'pausedBy') ?? getString(state, 'resetBy') ?? 'somebody', 40);
  if (getString(state, 'phase') === 'paused' && isMine(pausedAt)) {
    return { verb: 'pause', at: pausedAt, evidence: evidenceOf(file, { at: pausedAt }, `paused by ${by}`) };
  }
  const resetAt = instantOf(state, 'lastUpdate');
  if (getString(state, 'resetBy') !== undefined && isMine(resetAt)) {
    return { verb: 'reset', at: resetAt, evidence: evidenceOf(file, { at: resetAt }, `reset by ${by}`) };
  }
  return undefined;
}

/** The loop's next save wipes the request out of the file; the server's log still has it. */
function askedInLog(scene: Scene): Asked | undefined {
  const file = scene.server;
  const line = file?.facts.get('admin');
  const at = instantOf(line, 'at');
  const verb = /^Admin \S+ (reset|paused) nomic/.exec(getString(line, 'text') ?? '')?.[1];
  const started = scene.loop.process?.startedAt;
  if (!file || at === undefined || verb === undefined || started === undefined || at < started)
    return undefined;
  return { verb: verb === 'reset' ? 'reset' : 'pause', at, evidence: evidenceOf(file, line) };
}

function startIssue(scene: Scene): Issue | undefined {
  const { loop, due } = scene;
  const file = scene.file('nomic.state');
  const state = file?.facts.get('state');
  const pid = getNumber(state, 'pid');
  const at = instantOf(state, 'startedAt');
  if (!file || getBoolean(state, 'running') !== true || pid === undefined || at === undefined)
    return undefined;
  if (loop.process || (loop.startedAt !== undefined && loop.startedAt >= at)) return undefined;
  if (!due.isPast(addMs(at, START_MS))) return undefined;
  return issueOf(scene, 'start-no-effect', {
    severity: 'warning',
    title: `start asked, pid ${pid} is gone, no loop began`,
    detail: 'the handler gives the loop an option it does not know; its output goes to /dev/null',
    since: at,
    evidence: evidenceOf(file, { at }, `running: true, pid ${pid}`),
    attention: {
      rank: 7,
      label: 'NO START',
      why: 'answered with success; nomic_loop.log did not move',
      act: 'loop.start',
    },
    playbook: 'start-loop',
  });
}
