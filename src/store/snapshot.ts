import type { Instant } from '../domain/instant.ts';
import type { Companion } from './companion.ts';
import type { Desk } from './desk.ts';
import type { LogAnswers } from './log-keeper.ts';
import type { LogWindowState } from './log-window.ts';
import type { ApprovalMode } from './mode.ts';
import { approvalPage } from './selectors/approval.ts';
import type { QueueView } from './selectors/queue.ts';
import type { Subject } from './selectors/subject.ts';
import { sheetSize } from './sheet.ts';
import type { CockpitState } from './state.ts';

/** All a frame is drawn from. A new object for each frame; parts that did not change keep their reference. */
export interface Snapshot {
  readonly state: CockpitState;
  readonly desk: Desk;
  readonly queue: QueueView;
  readonly subject: Subject;
  readonly log: LogWindowState;
  /** What goes with the rows of the log. */
  readonly logs: LogAnswers;
  readonly companion: Companion;
  /** The time ages are judged by, in steps of a minute (less where seconds matter), never before what came in last. */
  readonly now: Instant;
  /** The latest this frame may stand: what is left is judged by it, so that no frame promises too much. */
  readonly latest: Instant;
  /** When this cockpit was opened. */
  readonly openedAt: Instant;
  /** What the chosen clock is ahead of UTC, for printing. */
  readonly offsetMs: number;
  readonly localOffsetMs: number;
  /** Characters outside ASCII are drawn as notation. */
  readonly ascii: boolean;
}

/** True when a frame of one would be a frame of the other. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return (
    a.state === b.state &&
    a.desk === b.desk &&
    a.queue === b.queue &&
    a.subject === b.subject &&
    a.log === b.log &&
    a.logs === b.logs &&
    a.companion === b.companion &&
    a.now === b.now &&
    a.latest === b.latest
  );
}

/** The page of an open approval card at the size of the screen. */
export function pageOf(snapshot: Snapshot, mode: ApprovalMode): ReturnType<typeof approvalPage> {
  const { columns, rows } = sheetSize(snapshot.desk.columns, snapshot.desk.rows);
  const { state, latest, offsetMs, ascii } = snapshot;
  return approvalPage(state, mode, latest, { columns, ascii, offsetMs }, rows);
}
