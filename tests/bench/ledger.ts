/**
 * What the ledger costs: commits of one row each with synchronous=FULL, and the verification of 10,000 rows. Wanted: a
 * median commit under 1 ms, verified in under 100 ms. Run it with `node tests/bench/ledger.ts [DIRECTORY]`: the disk
 * below the directory decides about the commits.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger } from '../../src/db/ledger.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import type { StartedRecord } from '../../src/domain/ledger.ts';

const ROWS = 10_000;
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'binnacle-bench-'));
try {
  const ledger = openLedger({ path: join(directory, 'ledger.db'), now: instant(0) });
  const record = (order: string): StartedRecord => ({
    phase: 'started',
    at: instant(1_795_144_447_551),
    who: { user: 'alice', uid: 1000, sshFrom: '10.0.0.7', terminal: 'pts/4', host: 'prod-eu-1' },
    version: '0.1.0',
    order,
    act: 'turn.replay',
    title: 'replay turn',
    target: { system: 'orket' as SystemId, type: 'turn', id: '9c41:TIDE-3/6' },
    targetTitle: 'TIDE-3 turn 6 coder',
    root: '/srv/orket',
    revision: 'checkpoint 4b825dc642cb6eb9a060e54bf8d69288fbee4904',
    attempt: 1,
    params: {},
    commands: ['cd /srv/orket && /srv/orket/.venv/bin/python main.py --replay-turn 9c41:tide-3:6:coder'],
    reason: 'silent since 02:57',
    confirmedBy: 'yes',
    planDigest: 'd'.repeat(64),
    undo: 'cannot be undone',
  });
  // What the disk itself takes at this moment, to read the commits by.
  const file = openSync(join(directory, 'raw'), 'w');
  const page = Buffer.alloc(4096, 1);
  const raw: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const since = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    raw.push(performance.now() - since);
  }
  closeSync(file);
  raw.sort((a, b) => a - b);
  const commits: number[] = [];
  for (let n = 0; n < ROWS; n += 1) {
    const since = performance.now();
    ledger.append(record(`order-${n}`));
    commits.push(performance.now() - since);
  }
  commits.sort((a, b) => a - b);
  const at = (part: number): string => (commits[Math.floor(commits.length * part)] ?? 0).toFixed(3);
  const runs = Array.from({ length: 5 }, () => {
    const since = performance.now();
    const verdict = ledger.verify();
    if (!verdict.ok || verdict.rows !== ROWS) throw new Error(`not whole: ${JSON.stringify(verdict)}`);
    return performance.now() - since;
  }).sort((a, b) => a - b);
  ledger.close();
  console.log(`raw write + fdatasync  p50 ${(raw[250] ?? 0).toFixed(3)} ms`);
  console.log(`ledger commit          p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   (${ROWS} rows)`);
  console.log(
    `ledger verify ${ROWS}    p50 ${(runs[2] ?? 0).toFixed(1)} ms   first ${(runs.at(-1) ?? 0).toFixed(1)} ms`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
