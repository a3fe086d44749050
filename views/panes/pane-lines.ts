import type { PaneId } from '../../src/store/desk.ts';
import type { Line } from '../components/line.ts';
import { actsLines } from './acts.ts';
import { cardLines } from './card.ts';
import { logsLines } from './logs.ts';
import type { PaneInput } from './pane.ts';
import { pipelineLines } from './pipeline.ts';
import { filteredQueueLines, queueLines } from './queue.ts';
import { stepsLines } from './steps.ts';
import { workLines } from './work.ts';

/** Each pane by its name: a new one is put in here, and is drawn. `pipelineInTitle`: the card carries the pipeline. */
export function paneLines(
  pane: PaneId,
  input: PaneInput,
  { pipelineInTitle = false }: { readonly pipelineInTitle?: boolean } = {},
): readonly Line[] {
  switch (pane) {
    case 'queue':
      return queueLines(input);
    case 'approvals':
    case 'fatal':
      return filteredQueueLines(input, pane);
    case 'card':
      return cardLines(input, pipelineInTitle);
    case 'steps':
      return stepsLines(input);
    case 'pipeline':
      return pipelineLines(input);
    case 'work':
      return workLines(input);
    case 'acts':
      return actsLines(input);
    case 'logs':
      return logsLines(input);
  }
}
