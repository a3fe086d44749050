import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/db/ledger.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import type { FinishedRecord, StartedRecord } from '../../src/domain/ledger.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

/** The record of an act that began, so many minutes into the night. */
export function started(order: string, minute = 0): StartedRecord {
  return {
    phase: 'started',
    at: addMs(NIGHT, minute * 60_000),
    who: { user: 'alice', uid: 1000, sshFrom: '10.0.0.7', terminal: 'pts/4', host: 'prod-eu-1' },
    version: '0.1.0',
    order,
    act: 'job.approve',
    title: 'approve',
    target: { system: 'openclaw' as SystemId, type: 'job', id: 'a1b2' },
    targetTitle: 'nightly \u202e report',
    root: '/srv/claw',
    revision: 'r1',
    attempt: 1,
    params: { note: 'go' },
    commands: ['cd /srv/claw && /usr/bin/python3 approve.py a1b2'],
    reason: 'looked at the plan',
    confirmedBy: 'card',
    planDigest: 'd'.repeat(64),
    undo: 'cannot be undone',
  };
}

/** The record of its end. */
export function finished(order: string, minute = 0): FinishedRecord {
  const { at, who, version, act, target, revision, attempt, undo } = started(order, minute);
  return {
    phase: 'finished',
    at,
    who,
    version,
    order,
    act,
    target,
    revision,
    attempt,
    undo,
    outcome: 'verified',
    summary: 'card left ready',
    exitCode: 0,
    stages: [],
    outputs: [{ title: 'approve', sha256: 'e'.repeat(64), sizeBytes: 12 }],
  };
}

/** Who seals or repairs. */
export const STAMP = {
  at: addMs(NIGHT, 86_400_000),
  who: { user: 'alice', host: 'prod-eu-1' },
  version: '0.1.0',
};

/** A ledger with rows `o1` to `oN`, a minute apart. */
export function ledgerOf(
  rows: number,
  options: Partial<LedgerOptions> = {},
): { path: string; ledger: Ledger } {
  const path = options.path ?? join(temporaryDirectory(), 'ledger.db');
  const ledger = openLedger({ now: NIGHT, ...options, path });
  for (let n = 1; n <= rows; n += 1) ledger.append(started(`o${n}`, n));
  return { path, ledger };
}

/** A closed ledger and its head under another name. */
export function copyLedger(from: string, to: string): void {
  copyFileSync(from, to);
  copyFileSync(`${from}.head`, `${to}.head`);
}
