import { type Evidence, type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText } from '../../domain/instant.ts';
import { firstLine } from '../../lib/phrase.ts';
import { processEvidence } from './crew.ts';
import { crashEvidence, stallText, stateEvidence } from './derive-loop.ts';
import { logTrail } from './derive-runs.ts';
import { evidenceOf, spanText, textsOf } from './draft.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';
import { BUDGET_GRACE_MS } from './schema.ts';
import { API_SOURCES } from './sources.ts';

/** What is wrong with the loop now: blocked, gone, or about to be cut. */
export function loopIssues(scene: Scene): readonly Issue[] {
  return [stalledIssue(scene), deadIssue(scene), unseenIssue(scene), deadlineIssue(scene)].filter(
    (issue) => issue !== undefined,
  );
}

function openTrail(scene: Scene): readonly Evidence[] {
  const { loop } = scene;
  return trailOf(
    loop.process ? processEvidence(loop.process) : undefined,
    ...(loop.log && loop.open ? logTrail(scene, loop.log, loop.open) : []),
    loop.log && loop.last ? evidenceOf(loop.log, loop.last, `last line: ${loop.last.text}`) : undefined,
    crashEvidence(scene),
  );
}

function stalledIssue(scene: Scene): Issue | undefined {
  const { loop, now } = scene;
  if (loop.state !== 'stalled' || !loop.stall || !loop.log) return undefined;
  const { stall } = loop;
  const where = loop.open ? `cycle ${loop.open.n}` : 'the loop';
  const title =
    stall.form === 'phase'
      ? `${where}: ${stall.phase?.name} ${stallText(loop)}`
      : stall.form === 'deadline'
        ? `${where} past its deadline`
        : `${where} silent, nothing announced`;
  const last = loop.last?.at ? clockText(loop.last.at, now) : 'unknown';
  const why = stall.isMoving
    ? `should have ended ${clockText(stall.since, now)}, still writes (${last})`
    : `no [TIMEOUT] came, alive, last line ${last}`;
  const spot = stall.phase ?? loop.last;
  return issueOf(scene, 'loop-stalled', {
    severity: stall.isMoving ? 'error' : 'fatal',
    title,
    detail: 'a budget ends a phase by itself; where it does not, the loop is blocked and nothing will end it',
    since: stall.since,
    evidence: evidenceOf(loop.log, spot ? { offset: spot.offset, at: spot.at } : undefined, title),
    trail: openTrail(scene),
    attention: {
      rank: stall.isMoving ? 4 : 2,
      label: 'STALLED',
      why,
      onExpiry: 'nothing ends it',
      act: 'loop.stop',
      menu: 'pause',
      ...muteServer(scene),
    },
    playbook: 'loop-stalled',
    suggested: 'look where it hangs, then SIGTERM: its changes stay in the tree, nothing is rolled back',
    cautions: ['/api/nomic/health says "healthy" whatever happens: it reads keys the loop never writes'],
    logFiles: [loop.log.path],
  });
}

function deadIssue(scene: Scene): Issue | undefined {
  const { loop, now } = scene;
  if (loop.state !== 'dead' || !loop.log) return undefined;
  const where = loop.open
    ? `in cycle ${loop.open.n}${loop.phase ? ` ${loop.phase.name}` : ''}`
    : loop.newest
      ? `after cycle ${loop.newest.n}`
      : 'before its first cycle';
  const since = loop.last?.at ?? loop.log.modifiedAt;
  const backup = loop.open?.backup;
  const crash = crashEvidence(scene)?.text;
  return issueOf(scene, 'loop-dead', {
    severity: 'fatal',
    title: `loop died ${where}`,
    detail: 'its log ends without an outcome and no process of this root runs it',
    since,
    evidence: loop.last ? evidenceOf(loop.log, loop.last) : evidenceOf(loop.log),
    trail: trailOf(...openTrail(scene), stateEvidence(scene)),
    attention: {
      rank: 2,
      label: 'DEAD',
      why: crash
        ? firstLine(`no process; ${crash}`, 80)
        : `no process, last line ${since === undefined ? 'unknown' : clockText(since, now)}, nothing rolled back`,
      onExpiry: 'nothing restarts it',
      act: 'loop.start',
    },
    playbook: 'loop-dead',
    suggested: 'look at git status, restore or keep the changes, then start a new loop',
    cautions: textsOf(
      'a new start begins a new cycle; only finished implement tasks are gone on with',
      backup ? `protected files as before the cycle: ${backup}` : undefined,
    ),
    logFiles: textsOf(loop.log.path, scene.file('nomic.crash')?.path),
  });
}

/** The server inside the loop's program gives no answer while the loop stands still: that is one trouble. */
export function muteServer({ place }: Scene): { readonly tells?: readonly string[] } {
  return place.server === 'nomic' ? { tells: API_SOURCES } : {};
}

function unseenIssue(scene: Scene): Issue | undefined {
  const { loop } = scene;
  const [process] = loop.unattributed;
  if (loop.state !== 'unseen' || !process || !loop.log) return undefined;
  return issueOf(scene, 'loop-unseen', {
    severity: 'info',
    title: `pid ${process.pid} may be this loop, its directory can't be seen`,
    detail: 'it belongs to another user; whether the loop lives is not known',
    since: undefined,
    evidence: processEvidence(process),
    trail: openTrail(scene),
  });
}

/** From this part of its budget on a cycle is cut soon: the program itself goes to its fast track there. */
const NEAR = 0.9;

function deadlineIssue(scene: Scene): Issue | undefined {
  const { loop, due, now } = scene;
  const open = loop.open;
  if (!loop.log || !open?.deadline || open.budgetS === null || loop.isLogFormer) return undefined;
  if (loop.state !== 'running' && loop.state !== 'unseen') return undefined;
  const near = addMs(open.deadline, -open.budgetS * 1000 * (1 - NEAR));
  if (!due.isPast(near)) return undefined;
  due.isPast(addMs(open.deadline, BUDGET_GRACE_MS));
  const phase = loop.phase ? ` in ${loop.phase.name}` : '';
  return issueOf(scene, 'cycle-deadline', {
    severity: 'warning',
    title: `cycle ${open.n}${phase} is cut at ${clockText(open.deadline, now)}`,
    since: near,
    evidence: evidenceOf(loop.log, { offset: open.offset, at: open.at }, `Deadline of cycle ${open.n}`),
    trail: openTrail(scene),
    attention: {
      rank: 5,
      label: 'DEADLINE',
      why: `90% of its ${spanText(open.budgetS)} used`,
      until: open.deadline,
      onExpiry: 'the cycle is cut, protected files are restored from its backup',
    },
    logFiles: [loop.log.path],
  });
}
