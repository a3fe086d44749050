import type { EnginePort } from '../engine/protocol.ts';
import { type Desk, inMode } from './desk.ts';
import type { DetailSubject, Mode } from './mode.ts';
import type { CockpitState } from './state.ts';
import { isInFile, writtenLine } from './written-line.ts';

type DetailsMode = Extract<Mode, { type: 'details' }>;

/** Asks for what the page that is open needs beside the state. */
export interface PageKeeper {
  /** The page is this now, with the state as it is now. */
  follow(desk: Desk, state: CockpitState): void;
  close(): void;
}

/**
 * Keeps the page that is open supplied: the output of an act for as long as it is written, the bad records whenever
 * their number moved. One request at a time; what comes for a page that was left is dropped.
 */
export function createPageKeeper(
  port: Pick<EnginePort, 'call'>,
  update: (change: (desk: Desk) => Desk) => void,
): PageKeeper {
  let wanted: unknown;
  let busy = false;
  let closed = false;
  let latest: (() => void) | undefined;

  const put = (
    isSame: (subject: DetailSubject) => boolean,
    change: (subject: DetailSubject) => DetailSubject,
  ) =>
    update((desk) => {
      if (closed || desk.mode.type !== 'details' || !isSame(desk.mode.subject)) return desk;
      const subject = change(desk.mode.subject);
      return subject === desk.mode.subject ? desk : inMode(desk, { ...desk.mode, subject });
    });

  const ask = async ({ subject }: DetailsMode): Promise<void> => {
    if (subject.of === 'act') {
      const { order } = subject;
      const isSame = (one: DetailSubject): boolean => one.of === 'act' && one.order === order;
      const { text } = await port.call('output', { order });
      put(isSame, (one) => (one.of !== 'act' || one.output === text ? one : { ...one, output: text }));
    } else if (subject.of === 'bad') {
      const { system, source } = subject;
      const isSame = (one: DetailSubject): boolean =>
        one.of === 'bad' && one.system === system && one.source === source;
      const { records } = await port.call('bad', {
        ...(system === undefined ? {} : { system }),
        ...(source === undefined ? {} : { source }),
      });
      put(isSame, (one) => ({ ...one, records }) as DetailSubject);
    } else if (subject.of === 'row') {
      const { row } = subject;
      const isSame = (one: DetailSubject): boolean => one.of === 'row' && one.row.id === row.id;
      const line = await writtenLine(port, row);
      put(isSame, (one) => (one.of !== 'row' ? one : { ...one, ...line }));
    }
  };

  const run = (mode: DetailsMode): void => {
    busy = true;
    ask(mode)
      // What is known is shown: the tail that came with the act, the newest bad record of each source.
      .catch(() => {})
      .finally(() => {
        busy = false;
        const next = latest;
        latest = undefined;
        if (!closed) next?.();
      });
  };

  return {
    follow({ mode }, state) {
      const subject = mode.type === 'details' ? mode.subject : undefined;
      const revision =
        subject?.of === 'act'
          ? state.acts.find((one) => one.order === subject.order)
          : subject?.of === 'bad'
            ? `${subject.system}/${subject.source}: ${state.figures.badRecords}`
            : subject?.of === 'row' && isInFile(subject.row)
              ? subject.row.id
              : undefined;
      if (revision === wanted) return;
      wanted = revision;
      if (revision === undefined || mode.type !== 'details') return;
      if (busy) latest = () => run(mode);
      else run(mode);
    },
    close() {
      closed = true;
    },
  };
}
