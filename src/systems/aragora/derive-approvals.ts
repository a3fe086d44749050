import { type Approval, trailOf } from '../../domain/entity.ts';
import { addMs, clockText } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { processEvidence } from './crew.ts';
import { muteServer } from './derive-loop-issues.ts';
import { logTrail } from './derive-runs.ts';
import { entityBase, evidenceOf, spanText, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { phaseEndOf, type Question } from './loop-view.ts';
import { cycleKey } from './parse-loop.ts';
import type { Scene } from './scene.ts';
import { APPROVAL_TIMEOUT_S, NEWS_MS } from './schema.ts';

/** Everything that waits for a person: files of ApprovalFlow, and the loop's own prompts. */
export function approvalsOf(scene: Scene): readonly Approval[] {
  const prompt = promptApproval(scene);
  const files = scene
    .files('approvals')
    .map((file) => fileApproval(scene, file))
    .filter((one) => one !== undefined);
  return prompt ? [prompt, ...files] : files;
}

/** A time beyond this is no time: ten years. */
const LONGEST_TIMEOUT_S = 315_360_000;

/** Why a file of ApprovalFlow can't be decided from here; undefined when it can. */
function unansweredReason({ place, loop, located }: Scene): string | undefined {
  const hasServer =
    place.server === 'nomic' ? located.url !== undefined : (loop.process?.ports.length ?? 0) > 0;
  if (!hasServer) {
    return 'decided only through the server inside run_nomic_with_stream.py, and no port of one is seen; the unified server answers 404';
  }
  return located.settings.keyEnv === undefined
    ? 'the server inside run_nomic_with_stream.py takes it with a login: key-env=VARIABLE'
    : undefined;
}

function fileApproval(scene: Scene, file: FileFacts): Approval | undefined {
  const fact = file.facts.get('approval');
  const id = getString(fact, 'id');
  if (fact === undefined || id === undefined) return undefined;
  const { due } = scene;
  const native = (getString(fact, 'status') ?? '').toLowerCase();
  const requestedAt = instantOf(fact, 'requestedAt');
  const timeoutS = getNumber(fact, 'timeoutS') ?? APPROVAL_TIMEOUT_S;
  const isSane = timeoutS >= 0 && timeoutS <= LONGEST_TIMEOUT_S;
  const expiresAt = requestedAt === undefined || !isSane ? undefined : addMs(requestedAt, timeoutS * 1000);
  const isPending = native === 'pending';
  const isOver = expiresAt !== undefined && (!isPending || due.isPast(expiresAt));
  const status: Approval['status'] = isPending
    ? isOver
      ? 'expired'
      : 'pending'
    : native === 'timeout'
      ? 'expired'
      : 'decided';
  const title = getString(fact, 'title');
  const risk = riskOf(getString(fact, 'risk'));
  const attention = attentionOf(scene, fact, status, expiresAt);
  const text = payloadOf(fact);
  const onExpiry = status === 'pending' ? 'counts as not approved' : undefined;
  const barred = unansweredReason(scene);
  return {
    ...entityBase(scene, id, file),
    type: 'approval',
    title: firstLine(title ?? `approval ${id}`, 120),
    ask: 'approve',
    status,
    answerable: status === 'pending' && barred === undefined,
    ...(status !== 'pending'
      ? { reason: reasonOf(fact, native, status) }
      : barred === undefined
        ? {}
        : { reason: barred }),
    ...(risk ? { risk } : {}),
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(onExpiry === undefined ? {} : { onExpiry }),
    ...(title === undefined ? {} : { question: title }),
    ...(text === undefined ? {} : { payload: { form: 'arguments', text } }),
    decisions: status === 'pending' && barred === undefined ? ['approval.approve', 'approval.deny'] : [],
    evidence: evidenceOf(
      file,
      requestedAt === undefined ? undefined : { at: requestedAt },
      `asked by ${getString(fact, 'requestedBy') ?? 'unknown'}, file says ${native}`,
    ),
    trail: trailOf(decisionEvidence(file, fact)),
    ...(attention ? { attention } : {}),
    logKeys: [id],
    // The log never names the approval; what the loop did around it stands there all the same.
    ...(scene.loop.log && status === 'pending' && getString(fact, 'requestedBy') === 'nomic-loop'
      ? { logFiles: [scene.loop.log.path] }
      : {}),
    cautions: textsOf(
      expiresAt === undefined && 'when it runs out cannot be told from its file',
      status === 'expired' && isPending && 'nobody wrote that it ran out; an approval now reaches nobody',
      status === 'pending' &&
        isWithoutLoop(scene) &&
        'no loop runs here: perhaps nobody waits for the answer any more',
      getBoolean(fact, 'changesCut') === true && 'the list of changes is longer than what is shown',
      getBoolean(fact, 'hasChanges') !== true && 'it names no changes: what would be applied is not known',
    ),
    data: { form: 'file', native },
  };
}

/** Who asked looks at the file every 5 s while it lives; without a loop there may be nobody. */
function isWithoutLoop({ loop }: Scene): boolean {
  return loop.state === 'ended' || loop.state === 'dead' || loop.state === 'never';
}

function attentionOf(
  scene: Scene,
  fact: Json,
  status: Approval['status'],
  expiresAt: ReturnType<typeof instantOf>,
): Approval['attention'] {
  const { due, now } = scene;
  const since = instantOf(fact, 'requestedAt');
  const times = since === undefined ? {} : { since };
  const risk = getString(fact, 'risk');
  const about = `${risk ? `${risk} risk` : 'risk unknown'}, by ${firstLine(getString(fact, 'requestedBy') ?? 'unknown', 30)}`;
  if (status === 'pending') {
    return {
      rank: expiresAt === undefined ? 3 : 1,
      label: 'APPROVE',
      why: about,
      ...times,
      ...(expiresAt === undefined ? { onExpiry: 'its deadline is not known' } : { until: expiresAt }),
      ...(expiresAt === undefined ? {} : { onExpiry: 'counts as not approved' }),
      playbook: 'file-approval',
    };
  }
  if (status !== 'expired' || expiresAt === undefined || due.isPast(addMs(expiresAt, NEWS_MS)))
    return undefined;
  return {
    rank: 7,
    label: 'EXPIRED',
    why: `ran out ${clockText(expiresAt, now)}, counts as not approved (${about})`,
    ...times,
    onExpiry: 'over: ask again by running it again',
    playbook: 'file-approval',
  };
}

function reasonOf(fact: Json, native: string, status: Approval['status']): string {
  if (status === 'expired') return 'its time is over';
  const by = getString(fact, 'by');
  const why = getString(fact, 'rejection');
  return `${native.replaceAll('_', ' ')}${by ? ` by ${by}` : ''}${why ? `: ${firstLine(why, 120)}` : ''}`;
}

function decisionEvidence(file: FileFacts, fact: Json): ReturnType<typeof evidenceOf> | undefined {
  const at = instantOf(fact, 'decidedAt');
  const by = getString(fact, 'by');
  if (at === undefined && by === undefined) return undefined;
  const text = `${getString(fact, 'status')}${by ? ` by ${by}` : ''}`;
  return evidenceOf(file, at === undefined ? undefined : { at }, text);
}

/** Nothing is left of it when the file names no change: then there is nothing to approve. */
function payloadOf(fact: Json): string | undefined {
  if (getBoolean(fact, 'hasChanges') !== true) return undefined;
  const description = getString(fact, 'description');
  return [description, getString(fact, 'changes')].filter((part) => part).join('\n\n');
}

function riskOf(text: string | undefined): Approval['risk'] {
  return text === 'low' || text === 'medium' || text === 'high' || text === 'critical' ? text : undefined;
}

const PROMPTS: {
  readonly [question in Question]: {
    readonly text: string;
    readonly enter: string;
    readonly ask: Approval['ask'];
  };
} = {
  commit: { text: 'Commit these changes? [y/N]', enter: 'Enter alone means no', ask: 'approve' },
  design: { text: 'Approve this design? [y/N]', enter: 'Enter alone means no', ask: 'review' },
  continue: { text: 'Continue to next cycle? [Y/n]', enter: 'Enter alone means yes', ask: 'answer' },
  unknown: {
    text: 'it reads its terminal; what it asks is only there',
    enter: 'look before typing',
    ask: 'answer',
  },
};

/** The loop blocked in a read of its terminal. Only who sits there can answer, and no time limit ends it. */
function promptApproval(scene: Scene): Approval | undefined {
  const { loop, now } = scene;
  const { process, question } = loop;
  if (loop.state !== 'waiting' || !process || !question) return undefined;
  const { text, enter, ask } = PROMPTS[question];
  const where = `${process.terminal ?? 'its terminal'}${process.user ? ` of ${process.user}` : ''}`;
  const cycle = loop.newest && !loop.isLogFormer ? loop.newest : undefined;
  const since = loop.isLogFormer ? process.startedAt : (loop.last?.at ?? process.startedAt);
  const isGuess = !process.readsTerminal;
  const limit = loop.phase ? phaseEndOf(loop.phase) : undefined;
  const title = cycle ? `cycle ${cycle.n}: ${text}` : text;
  return {
    ...entityBase(
      scene,
      cycle ? `prompt-${cycleKey(cycle)}-${question}` : `prompt-pid-${process.pid}`,
      loop.log,
    ),
    type: 'approval',
    title,
    ask,
    status: 'pending',
    answerable: false,
    reason: `only at the terminal ${where}, pid ${process.pid}`,
    requestedAt: since,
    onExpiry: 'never expires: no budget ends a prompt',
    question: text,
    decisions: [],
    evidence: processEvidence(process),
    trail: trailOf(
      loop.log && loop.last ? evidenceOf(loop.log, loop.last, `last line: ${loop.last.text}`) : undefined,
      ...(loop.log && loop.open && !loop.isLogFormer ? logTrail(scene, loop.log, loop.open) : []),
    ),
    attention: {
      rank: 3,
      label: ask === 'answer' ? 'ANSWER' : 'APPROVE',
      why: `type at ${where}; ${enter}`,
      since,
      onExpiry: 'never expires, the loop stands still',
      playbook: 'terminal-prompt',
      ...muteServer(scene),
    },
    ...(loop.log ? { logFiles: [loop.log.path] } : {}),
    cautions: textsOf(
      isGuess && "a guess: the log's last line is the question, the process can't be looked into",
      question === 'commit' &&
        'y commits everything in the tree (git add -A), not only what the loop changed',
      question === 'commit' && 'what would be committed is shown at that terminal only: git diff --stat',
      limit !== undefined &&
        limit < now &&
        loop.phase?.budgetS !== undefined &&
        `the ${loop.phase?.name} budget (${spanText(loop.phase?.budgetS ?? 0)}) is over and does not end it`,
    ),
    data: { pid: process.pid, terminal: process.terminal ?? null, user: process.user ?? null },
  };
}
