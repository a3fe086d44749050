import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Job, SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import { entityJson, withIsoTimes } from '../../src/headless/json.ts';

const ISO = '2026-02-20T04:30:00.000Z';
const at = instant(Date.parse(ISO));

describe('JSON of an entity', () => {
  it('writes every field the domain declares as an instant in ISO 8601', () => {
    const names = new Set<string>();
    for (const file of ['entity', 'source', 'act', 'ledger', 'attention', 'log']) {
      const text = readFileSync(new URL(`../../src/domain/${file}.ts`, import.meta.url), 'utf8');
      for (const [, name = ''] of text.matchAll(/readonly (\w+)\??: Instant(?: \| null)?;/g)) names.add(name);
    }
    // Spans of a histogram are written by `logs --histogram`, which tells where each ends too.
    names.delete('from');
    expect(names.size).toBeGreaterThan(15);
    for (const name of names) expect(withIsoTimes({ [name]: at }), name).toEqual({ [name]: ISO });
  });

  it('leaves numbers that are none, and goes into lists', () => {
    expect(withIsoTimes({ latencyMs: 12, rows: [{ seenAt: at, exitCode: 0 }], startedAt: null })).toEqual({
      latencyMs: 12,
      rows: [{ seenAt: ISO, exitCode: 0 }],
      startedAt: null,
    });
  });

  it('keeps to itself what only the program uses', () => {
    const job: Job = {
      type: 'job',
      system: 'claw' as SystemId,
      id: 'a1',
      title: 'nightly',
      observedAt: at,
      evidence: { source: 'db', at },
      status: 'waiting',
      logKeys: ['a1'],
      data: { secret: 1 },
    };
    expect(entityJson(job)).toEqual({
      system: 'claw',
      id: 'a1',
      title: 'nightly',
      observedAt: ISO,
      evidence: { source: 'db', at: ISO },
      status: 'waiting',
      nativeStatus: null,
      waitingFor: null,
      leaseUntil: null,
      heartbeatAt: null,
      attempts: null,
    });
  });
});
