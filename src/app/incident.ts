/** The incident report as a cockpit writes it: the same as `timeline --markdown`, in a file of its own. */
import { messageOf } from '../domain/error.ts';
import { incidentMarkdown } from '../domain/incident-markdown.ts';
import { addMs } from '../domain/instant.ts';
import type { TimelineState } from '../engine/engine.ts';
import type { AnswerOf, EnginePort, RequestOf } from '../engine/protocol.ts';
import { saveText } from './save-text.ts';
import { incidentReport } from './timeline-verb.ts';

/** From when on it is told where nobody says: a shift. */
const SHIFT_MS = 12 * 3_600_000;
/** Error lines around each grave event. */
const EXCERPTS = 3;

/** Writes the report below the state directory of this user. What can't be written is in the answer all the same. */
export async function writeIncident(
  state: TimelineState,
  { since = addMs(state.now, -SHIFT_MS) }: RequestOf<'timeline'>,
  port: Pick<EnginePort, 'call'>,
): Promise<AnswerOf<'timeline'>> {
  const span = { since, until: state.now, now: state.now, systems: [] };
  const report = await incidentReport(port, state, span, EXCERPTS);
  const text = incidentMarkdown(report).join('\n');
  const answer = { since, events: report.events.length, text };
  try {
    return { ...answer, path: saveText('incident', 'md', text, state.now) };
  } catch (error) {
    return { ...answer, why: `it could not be written: ${messageOf(error)}` };
  }
}
