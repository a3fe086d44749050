import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/db/ledger.ts';
import { headPath } from '../../src/db/ledger-head.ts';
import { repairDamaged, salvageRows } from '../../src/db/ledger-repair.ts';
import type { DamageRecord } from '../../src/domain/ledger.ts';
import { copyLedger, ledgerOf, STAMP, started } from './ledger-records.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const ROWS = 40;

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** A closed ledger of 40 rows (about 14 pages), changed by `damage`. */
function damaged(damage: (path: string) => void): string {
  const path = join(temporaryDirectory(), 'ledger.db');
  copyLedger(base(), path);
  damage(path);
  return path;
}

let basePath: string | undefined;

/** Written once: each of its commits waits for the disk. */
function base(): string {
  if (basePath === undefined) {
    const { path, ledger } = ledgerOf(ROWS);
    ledger.close();
    basePath = path;
  }
  return basePath;
}

function junkAt(path: string, page: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, page * 4096, (page + 1) * 4096);
  writeFileSync(path, bytes);
}

/** Page of the table that holds the row. */
function pageOf(path: string, needle: string): number {
  return Math.floor(readFileSync(path).lastIndexOf(needle) / 4096);
}

const damages: readonly [string, (path: string) => void, 'none' | 'some'][] = [
  ['text', (path) => writeFileSync(path, 'notes, not a ledger\n'.repeat(400)), 'none'],
  ['nothing', (path) => writeFileSync(path, ''), 'none'],
  ['a short file', (path) => writeFileSync(path, 'x'), 'none'],
  ['zeros for a header', (path) => writeFileSync(path, Buffer.alloc(8192)), 'none'],
  ['half of itself', (path) => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096), 'some'],
  ['a page of junk among its rows', (path) => junkAt(path, pageOf(path, '"order":"o20"')), 'some'],
];

describe('a damaged ledger', () => {
  it.each(damages)(
    'with %s is refused and left alone; a new one is begun that names it',
    (_, damage, some) => {
      const path = damaged(damage);
      const before = digest(path);
      const head = readFileSync(headPath(path), 'utf8');
      expect(() => openLedger({ path, now: NIGHT })).toThrow(/the ledger can't be used/);
      const readable = salvageRows(path);
      expect(readable.length > 0).toBe(some === 'some');
      expect(digest(path)).toBe(before);

      const repaired = repairDamaged({ path, ...STAMP });
      expect(repaired?.file).toBe('ledger.db.damaged-20261121T031407Z');
      const aside = join(dirname(path), repaired?.file ?? '');
      expect(digest(aside)).toBe(before);
      expect(readFileSync(headPath(aside), 'utf8')).toBe(head);

      const ledger = openLedger({ path, now: NIGHT });
      const rows = ledger.rows();
      expect(rows.length).toBe((repaired?.kept ?? 0) + 1);
      expect(rows.slice(0, -1).map(({ seq }) => seq)).toEqual(rows.slice(0, -1).map((_row, n) => n + 1));
      const record = rows.at(-1)?.record as DamageRecord;
      expect(record).toMatchObject({ phase: 'damage', file: repaired?.file, who: STAMP.who });
      expect(record.note).toContain(`SHA-256 ${before}`);
      expect(record.note).toContain(`rows ${rows.length} to ${ROWS} do not`);
      // The record is never called whole again, and the first row that is not there is named.
      expect(ledger.verify()).toMatchObject({ ok: false, firstBad: { seq: rows.length } });
      ledger.append(started('next'));
      expect(ledger.rows().at(-1)?.seq).toBe(rows.length + 1);
      ledger.close();
      expect(repairDamaged({ path, ...STAMP })).toBeUndefined();
      expect(statSync(path).mode & 0o777).toBe(0o600);
    },
  );

  it('shows what lies before and behind the broken page', () => {
    const path = damaged((file) => junkAt(file, pageOf(file, '"order":"o20"')));
    const seqs = salvageRows(path).map((row) => row.seq);
    expect(seqs[0]).toBe(1);
    expect(seqs.at(-1)).toBe(ROWS);
    expect(seqs).not.toContain(20);
  });

  it('that is none is not repaired: neither one in order nor one that was tampered with', () => {
    const path = damaged(() => {});
    expect(repairDamaged({ path, ...STAMP })).toBeUndefined();
    const database = new Database(path);
    database.exec("DROP TRIGGER ledger_no_update; UPDATE ledger SET body = '{}' WHERE seq = 3");
    database.close();
    expect(repairDamaged({ path, ...STAMP })).toBeUndefined();
    expect(repairDamaged({ path: `${path}.none`, ...STAMP })).toBeUndefined();
    expect(readdirSync(dirname(path)).some((name) => /damaged|none/.test(name))).toBe(false);
  });

  it('is repaired to the same end wherever its repair is killed', () => {
    const source = (name: string) => new URL(`../../src/db/${name}`, import.meta.url).pathname;
    for (const trap of [
      'fs.renameSync = () => die();',
      'let n = 0; const real = fs.renameSync; fs.renameSync = (a, b) => { if (++n === 2) die(); real(a, b); };',
      'let n = 0; const real = fs.renameSync; fs.renameSync = (a, b) => { real(a, b); if (String(a).endsWith(".new.head")) die(); };',
      'const real = fs.rmSync; fs.rmSync = (a, b) => { if (String(a).endsWith(".repair")) die(); real(a, b); };',
    ]) {
      const path = damaged((file) => junkAt(file, pageOf(file, '"order":"o20"')));
      const before = digest(path);
      const program = `
        import fs from 'node:fs';
        import { syncBuiltinESMExports } from 'node:module';
        const die = () => process.kill(process.pid, 'SIGKILL');
        const { repairDamaged } = await import('${source('ledger-repair.ts')}');
        ${trap}
        syncBuiltinESMExports();
        repairDamaged({ path: '${path}', ...${JSON.stringify(STAMP)} });`;
      const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
      expect(child.signal, child.stderr).toBe('SIGKILL');
      expect(() => openLedger({ path, now: NIGHT })).toThrow(/its repair was ended early/);
      const repaired = repairDamaged({ path, ...STAMP });
      expect(digest(join(dirname(path), repaired?.file ?? ''))).toBe(before);
      expect(repaired?.kept).toBeGreaterThan(5);
      const ledger = openLedger({ path, now: NIGHT });
      expect(ledger.rows()).toHaveLength((repaired?.kept ?? 0) + 1);
      expect(ledger.verify()).toMatchObject({ ok: false, firstBad: { seq: (repaired?.kept ?? 0) + 1 } });
      ledger.close();
      expect(readdirSync(dirname(path)).filter((name) => /\.new|\.repair/.test(name))).toEqual([]);
    }
  });
});
