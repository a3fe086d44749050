/** `binnacle ledger` and `binnacle init --host` of the built program, over records made by the program's own writer. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyExport } from '../../src/db/export-verify.ts';
import { openLedger } from '../../src/db/ledger.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { exportedRecord } from '../../src/headless/ledger.ts';
import { finished, started } from '../db/ledger-records.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';
import { jsonLines } from './cockpit.ts';
import { runVerb } from './verb.ts';

interface ExportLine {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly body: string;
  readonly record: { readonly at: string; readonly order: string };
}

/** Six acts of alice and bob, ten minutes apart from 03:14 on; each began and ended. */
function recorded() {
  const state = temporaryDirectory();
  chmodSync(state, 0o700);
  const ledger = openLedger({ path: join(state, 'ledger.db'), now: NIGHT });
  for (let n = 0; n < 6; n += 1) {
    const who = { user: n % 2 ? 'bob' : 'root', host: 'h', ...(n % 2 ? {} : { cameFrom: 'alice' }) };
    const act = n < 4 ? 'job.approve' : 'turn.replay';
    const target = { system: 'openclaw' as SystemId, type: 'job' as const, id: `j${n}` };
    ledger.append({ ...started(`o${n}`, n * 10), who, act, target });
    ledger.append({ ...finished(`o${n}`, n * 10 + 1), who, act, target });
  }
  ledger.close();
  const env = { BINNACLE_STATE_DIR: state, BINNACLE_HOST_DIR: '' };
  return { state, env, run: (...args: string[]) => runVerb(['ledger', ...args], { env }) };
}

const seqs = (text: string): number[] => jsonLines<ExportLine>(text).map((line) => line.seq);

describe.concurrent('ledger', () => {
  it('lists what fits every filter, and says how many older rows it leaves out', async () => {
    const { run } = recorded();
    const [since, act, newest] = await Promise.all([
      run('--json', '--since', '2026-11-20T03:34:07Z', '--until', '2026-11-20T03:54:07Z'),
      run('--json', '--act', 'turn.replay', '--by', 'bob', '--target', 'openclaw/j5'),
      run('-n', '2'),
    ]);
    expect(seqs(since.stdout)).toEqual([5, 6, 7, 8]);
    expect(seqs(act.stdout)).toEqual([11, 12]);
    expect(newest.stdout.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'SEQ WHEN WHO WHAT TARGET RESULT',
      '11 2026-11-20T04:04:07.000Z bob turn.replay openclaw/j5 started: looked at the plan',
      '12 2026-11-20T04:05:07.000Z bob turn.replay openclaw/j5 verified: card left ready',
      '',
    ]);
    expect(newest.stderr).toBe('10 older rows are not shown: -n N, --since T or --json\n');
  });

  it('exports rows that anybody can prove by SHA-256 alone, and checks such a file by itself', async () => {
    const { state, run } = recorded();
    const { stdout } = await run('--json');
    const rows = jsonLines<ExportLine>(stdout);
    let prev = '0'.repeat(64);
    for (const [index, row] of rows.entries()) {
      expect(row).toMatchObject({ seq: index + 1, prev });
      prev = createHash('sha256').update(`${row.seq}\n${row.prev}\n${row.body}`).digest('hex');
      expect(row.hash).toBe(prev);
      expect((JSON.parse(row.body) as { order: string }).order).toBe(row.record.order);
    }
    expect(rows).toHaveLength(12);
    expect(rows[0]?.record.at).toBe('2026-11-20T03:14:07.000Z');

    const changes: readonly [string, (lines: string[]) => string[], RegExp, number][] = [
      ['whole', (lines) => lines, /^an export does not show whether rows follow row 12$/, 0],
      [
        'edited',
        (lines) => lines.map((line, n) => (n === 4 ? line.replace('looked', 'peeked') : line)),
        /^row 5 its text is not what was written/,
        3,
      ],
      [
        'lying',
        (lines) => lines.map((line, n) => (n === 4 ? line.replace(/("record".*)looked/, '$1peeked') : line)),
        /^row 5 its record is not what its body says/,
        3,
      ],
      ['gap', (lines) => lines.filter((_, n) => n !== 7), /^row 8 missing: row 9 follows row 7/, 3],
      ['end', (lines) => lines.slice(3), /^rows before row 4 are not in it/, 0],
      ['torn', (lines) => [...lines.slice(0, 3), '{"seq":'], /torn\.jsonl:4: not JSON/, 3],
    ];
    for (const [name, change, text, code] of changes) {
      const changed = change(stdout.trimEnd().split('\n')).join('\n');
      const [verdict] = verifyExport([{ name: `${name}.jsonl`, text: changed }], exportedRecord);
      expect(verdict?.verdict.ok, name).toBe(code === 0);
      const { firstBad, notes } = verdict?.verdict ?? { notes: [] };
      expect(
        [...(firstBad ? [`row ${firstBad.seq} ${firstBad.why}`] : []), ...notes].join('\n'),
        name,
      ).toMatch(text);
    }
    const file = join(state, 'edited.jsonl');
    writeFileSync(file, stdout.replace('looked', 'peeked'));
    expect(await run('verify', '--file', file)).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^row 1 is not what was written: its text is not what was written/),
    });
  });

  it('seals older rows, proves them with their archive, and refuses what makes no sense', async () => {
    const { state, run } = recorded();
    expect(await run('seal')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--before T is wanted'),
    });
    expect((await run('seal', '--before', '2026-11-20T03:30:00Z')).stdout).toBe(
      '4 rows, 1 to 4, are now in ledger.db.sealed-000000000001-000000000004.jsonl\n',
    );
    const archive = join(state, 'ledger.db.sealed-000000000001-000000000004.jsonl');
    expect((await run('verify')).stdout).toMatch(
      /^the record is whole: 9 rows\nrows 1 to 4 are whole in ledger/,
    );
    writeFileSync(join(state, 'rest.jsonl'), (await run('--json')).stdout);
    expect((await run('verify', '--file', join(state, 'rest.jsonl'))).stdout).toContain(
      'rows 1 to 4 were sealed: they are in ledger.db.sealed',
    );
    const both = await run('verify', '--file', archive, '--file', join(state, 'rest.jsonl'), '--json');
    expect(jsonLines(both.stdout)).toMatchObject([{ ok: true, rows: 13 }]);
  });

  it('shows what can be read of a damaged ledger, and begins anew when told to', async () => {
    const { state, run } = recorded();
    const path = join(state, 'ledger.db');
    const bytes = readFileSync(path);
    const page = Math.floor(bytes.lastIndexOf('"order":"o5"') / 4096);
    writeFileSync(path, bytes.fill(0xa5, page * 4096, (page + 1) * 4096));
    const listed = await run();
    expect(listed).toMatchObject({ code: 3, stderr: expect.stringContaining("the ledger can't be used") });
    expect(listed.stderr).toContain('binnacle ledger repair');
    expect(listed.stdout).toContain('openclaw/j0');
    expect(await run('verify')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^rows \d+ to 12 were recorded and are gone\nthe ledger can't be used/),
    });
    expect((await run('repair')).stdout).toMatch(
      /^the ledger was damaged: .*it is kept as ledger\.db\.damaged-\S+, SHA-256 /,
    );
    expect(readdirSync(state).some((name) => name.startsWith('ledger.db.damaged-'))).toBe(true);
    expect((await run()).stdout).toMatch(/damage: the ledger was damaged/);
    expect((await run('repair')).stdout).toContain('there is nothing to repair');
  });
});

describe.concurrent('init --host', () => {
  it('makes the directory for a group, in which the ledgers of all operators are listed by time', async () => {
    const host = join(temporaryDirectory(), 'host');
    const env = { BINNACLE_HOST_DIR: host, BINNACLE_STATE_DIR: temporaryDirectory() };
    const group = String(process.getgid?.() ?? 0);
    expect(await runVerb(['init'], { env })).toMatchObject({ code: 2 });
    expect(await runVerb(['init', '--host', '--group', 'no-such-group'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no group no-such-group'),
    });
    const made = await runVerb(['init', '--host', '--group', group], { env });
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining(`made ${host}\n`) });
    expect(statSync(host).mode & 0o7777).toBe(0o2770);
    for (const [user, minute] of [
      ['zoe', 1],
      ['yan', 2],
    ] as const) {
      const ledger = openLedger({ path: join(host, `ledger-${user}.db`), now: NIGHT, mode: 0o640 });
      for (const n of [0, 10])
        ledger.append({ ...started(`${user}${n}`, minute + n), who: { user, host: 'h' } });
      ledger.close();
    }
    const listed = await runVerb(['ledger'], { env });
    expect(listed.stdout.match(/(?:zoe|yan):\d/g)).toEqual(['zoe:1', 'yan:1', 'zoe:2', 'yan:2']);
    expect((await runVerb(['ledger', 'verify'], { env })).stdout).toBe(
      'yan: the record is whole: 2 rows\nzoe: the record is whole: 2 rows\n',
    );
    expect(readdirSync(host).filter((name) => /-wal|-shm/.test(name))).toEqual([]);
    mkdirSync(join(host, 'theirs'));
    expect(await runVerb(['init', '--host', '--group', group], { env })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("holds what is none of Binnacle's: theirs"),
    });
  });
});
