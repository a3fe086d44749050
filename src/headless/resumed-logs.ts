import type { LogRow } from '../domain/log.ts';
import { rowJson } from './logs.ts';
import type { Output } from './output.ts';

/** Lines written before their being handed on is recorded: so many may come twice after a kill, with the same ids. */
const BATCH = 100;

/** Committed lines, kept until they were handed on. */
export interface CommittedLines {
  waiting(limit: number): Promise<readonly { readonly id: number; readonly line: string }[]>;
  handedOn(id: number): Promise<void>;
  onCommit(listener: () => void): () => void;
  flush(): Promise<void>;
}

/**
 * Prints lines that were committed together with the positions they were read up to, each with its number: 1, 2, 3 and
 * so on, without a hole, over all runs under one name. Lines are forgotten once they were written out; those written in
 * the moment of a kill are written again, under their numbers. Whoever leaves out a number that is not above the last
 * one has each line exactly once.
 */
export async function printResumed(
  lines: CommittedLines,
  follow: boolean,
  output: Output,
  ended: Promise<void>,
): Promise<void> {
  let printing: Promise<void> = Promise.resolve();
  let isAsked = false;
  const ask = (): void => {
    if (isAsked) return;
    isAsked = true;
    printing = printing.then(async () => {
      isAsked = false;
      await printWaiting(lines, output);
    });
  };
  if (follow) {
    const stop = lines.onCommit(ask);
    ask();
    await ended;
    stop();
  }
  // What is committed is printed even while another process keeps the rest from being.
  ask();
  await lines.flush();
  ask();
  await printing;
}

async function printWaiting(lines: CommittedLines, output: Output): Promise<void> {
  for (;;) {
    const batch = await lines.waiting(BATCH);
    const last = batch.at(-1);
    if (last === undefined || output.closed()) return;
    for (const { id, line } of batch) output.json({ id, ...rowJson(JSON.parse(line) as Omit<LogRow, 'id'>) });
    await output.flush();
    // Whether a reader that has gone got them nobody knows.
    if (output.closed()) return;
    await lines.handedOn(last.id);
  }
}
