import type { AnswerOf } from '../engine/protocol.ts';
import { safeLines, safeText } from '../lib/safe-text.ts';
import type { Output } from './output.ts';

/** Prints a hand-over, and where it is kept. Exit 3 when it could not be kept: what is printed is all there is. */
export function printHandOver(answer: AnswerOf<'handOver'>, json: boolean, output: Output): number {
  if (json) output.json(answer, true);
  else for (const line of safeLines(answer.text)) output.line(line);
  if (answer.path !== undefined) output.note(safeText(`written to ${answer.path}`));
  output.note(
    safeText(
      answer.recorded
        ? 'cockpits of this host announce it until it is read'
        : 'it was not recorded: nobody will be told of it',
    ),
  );
  if (answer.why !== undefined) output.note(safeText(answer.why));
  return answer.recorded ? 0 : 3;
}
