import type { ActEntry, StageState } from '../../domain/act.ts';
import type { Instant } from '../../domain/instant.ts';
import { clockText, countdownText, dateText, durationText } from '../../lib/time-text.ts';
import type { DetailSubject } from '../mode.ts';
import type { Snapshot } from '../snapshot.ts';
import { actWords } from './acts.ts';

/** Bytes of output the engine gives at once; what is longer lacks its middle here. */
const outputBytes = 1024 * 1024;

/** The page of an act. All texts raw. */
export interface ActPage {
  readonly title: string;
  readonly act: ActEntry;
  /** How it stands, in a line. */
  readonly outcome: string;
  /** What helps now, with the keys for it. */
  readonly next?: string;
  readonly stages: readonly { readonly state: StageState['state']; readonly text: string }[];
  /** Name and text, without those that say nothing. */
  readonly fields: readonly (readonly [name: string, text: string])[];
  /** What its program has written so far. */
  readonly output: string;
}

/** The page of an act as things stand now, or undefined when it is no longer known here. */
export function actPageOf(
  snapshot: Snapshot,
  subject: Extract<DetailSubject, { of: 'act' }>,
): ActPage | undefined {
  const { offsetMs, latest } = snapshot;
  const act = snapshot.state.acts.find((entry) => entry.order === subject.order);
  if (!act) return undefined;
  const fields: [string, string][] = [
    ['act', `${act.act}, attempt ${act.attempt}`],
    ['target', `${act.target.system} ${act.target.type} ${act.target.id}: ${act.targetTitle}`],
    ['by', act.by],
    ['reason', act.reason ?? ''],
    ['started', timeOf(act.startedAt, offsetMs)],
    ['ended', endText(act, offsetMs)],
    ['exit', act.exitCode === undefined || act.exitCode === null ? '' : String(act.exitCode)],
    ['summary', act.summary ?? ''],
    ['answer', act.answer?.summary === act.summary ? '' : (act.answer?.summary ?? '')],
    ...(act.answer?.sections ?? []).map((section): [string, string] => [section.title, section.text]),
    ['undo', act.undo ?? 'no act undoes it'],
  ];
  return {
    title: `${act.title}: ${act.targetTitle}`,
    act,
    outcome: actWords(act),
    ...nextOf(act),
    stages: act.stages.map((stage) => ({
      state: stage.state,
      text: stageText(stage, act.endedAt !== undefined, latest, offsetMs),
    })),
    fields: fields.filter((field) => field[1] !== ''),
    output: outputOf(act, subject.output),
  };
}

/** An act that did not do what was wanted leads on: to a person's word, to the steps that help, to a second try. */
function nextOf(act: ActEntry): Pick<ActPage, 'next'> {
  switch (act.status) {
    case 'unknown':
      return { next: 's: look at the state, then say how it ended; until then nobody can try it again' };
    case 'not-seen':
    case 'failed':
    case 'timed-out': {
      const again = 'r: try it again, this result in view';
      return { next: act.playbook ? `b: the steps "${act.playbook.title}"   ${again}` : again };
    }
    case 'cancelled':
      return { next: 'r: try it again' };
    case 'running':
    case 'verified':
    case 'settled':
      return {};
  }
}

function endText(act: ActEntry, offsetMs: number): string {
  if (act.endedAt === undefined) return act.status === 'running' ? '' : 'not known';
  return `${timeOf(act.endedAt, offsetMs)}, after ${durationText(act.endedAt - act.startedAt)}`;
}

function outputOf(act: ActEntry, output: string | undefined): string {
  const tail = act.outputTail ?? '';
  if (output === undefined) return tail;
  // Characters may be longer than a byte: what comes near the limit may have been cut there.
  if (output.length < outputBytes / 4 || output.endsWith(tail)) return output;
  return `${output}\n[... what comes here is not shown; its end follows ...]\n${tail}`;
}

/** `accepted seen 03:15:09: card leaves ready (it is running)`; what is awaited says until when, and what is left. */
function stageText(stage: StageState, hasEnded: boolean, latest: Instant, offsetMs: number): string {
  const detail = stage.detail === undefined ? '' : ` (${stage.detail})`;
  const need = stage.required ? '' : ', shown only';
  const title = `${stage.title}${detail}${need}`;
  switch (stage.state) {
    case 'seen':
      return `${stage.stage} seen${stage.seenAt === undefined ? '' : ` ${clockText(stage.seenAt, offsetMs)}`}: ${title}`;
    case 'waiting':
      // Nobody looks for it any more.
      return hasEnded
        ? `${stage.stage} not seen when the act ended: ${title}`
        : `${stage.stage} awaited until ${clockText(stage.deadline, offsetMs)} (${countdownText(stage.deadline - latest)}): ${title}`;
    case 'contradicted':
      return `${stage.stage} CONTRADICTED: ${title}`;
  }
}

function timeOf(at: number, offsetMs: number): string {
  return `${dateText(at, offsetMs)}${offsetMs === 0 ? 'Z' : ''}`;
}
