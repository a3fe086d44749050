import type { StepAnswer } from '../../domain/act.ts';
import type { Run } from '../../domain/entity.ts';
import { getArray, getNumber, getString, isObject, readJson } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { ActSpec, StateView } from '../system.ts';

const LARGEST = 4 * 1024 * 1024;
const MOST_EVENTS = 400;

/** `.nomic/replays/nomic-cycle-<n>`: kept by the cycle's number, so a later run's events stand in the same file. */
function pathOf(view: StateView, run: Run): string | undefined {
  const n = getNumber(run.data, 'cycle');
  const found = getArray(view.data, 'replays').find(
    (one) => n !== undefined && getNumber(one, 'cycle') === n,
  );
  return getString(found, 'path');
}

/** The recorded events of a cycle, read from their file. */
export const replayRun: ActSpec = {
  id: 'run.replay',
  title: 'replay cycle (recorded events)',
  menu: 'replay',
  risk: 'read',
  does: 'reads the recorded events of this cycle and shows them; starts nothing',
  runs: 'reads .nomic/replays/nomic-cycle-N/events.jsonl',
  outcome: 'the events in their order',
  params: [],
  appliesTo: (target) => target.type === 'run',
  precondition(view, target) {
    return target.type === 'run' && pathOf(view, target) !== undefined
      ? undefined
      : 'no recorded events of this cycle are there';
  },
  revision: (_view, target) => (target.type === 'run' ? target.status : ''),
  baseline: (_view, target) =>
    target.type === 'run' ? { from: target.startedAt ?? null, until: target.endedAt ?? null } : null,
  plan(view, target) {
    const path = target.type === 'run' ? pathOf(view, target) : undefined;
    return path === undefined
      ? []
      : [
          {
            type: 'read',
            title: `read ${path}`,
            paths: [`${path}/events.jsonl`, `${path}/meta.json`],
            maxBytes: LARGEST,
          },
        ];
  },
  read(outputs, order): StepAnswer {
    const files = outputs.flatMap((output) => output.files ?? []);
    const text = files.find((file) => file.path.endsWith('events.jsonl'))?.text;
    if (text === null || text === undefined)
      return { ok: false, summary: 'the events are not there any more' };
    const [from, until] = [getNumber(order.baseline, 'from'), getNumber(order.baseline, 'until')];
    const lines: string[] = [];
    let bad = 0;
    let others = 0;
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const read = readJson(line);
      if (!read.ok || !isObject(read.value)) {
        bad += 1;
        continue;
      }
      const seconds = getNumber(read.value, 'timestamp');
      const at = seconds === undefined ? undefined : seconds * 1000;
      // The number is used again by the next loop, which goes on writing the same file.
      if (
        at !== undefined &&
        ((from !== undefined && at < from - 5_000) || (until !== undefined && at > until + 5_000))
      ) {
        others += 1;
        continue;
      }
      const time = at === undefined ? '--:--:--' : new Date(at).toISOString().slice(11, 19);
      const about = [
        getString(read.value, 'source'),
        firstLine(getString(read.value, 'content') ?? '', 160),
      ].filter((part) => part);
      lines.push(`${time}Z ${getString(read.value, 'event_type') ?? '?'} ${about.join(': ')}`);
    }
    const notes = [
      others > 0 ? `${others} of other cycles with that number left out` : undefined,
      bad > 0 ? `${bad} unreadable` : undefined,
    ].filter((part) => part !== undefined);
    return {
      ok: lines.length > 0,
      summary: [counted(lines.length, 'event'), ...notes].join(', '),
      sections: [{ title: 'events', text: lines.slice(-MOST_EVENTS).join('\n') || 'none' }],
    };
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};
