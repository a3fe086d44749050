import type { SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import { emptyProcessTable } from '../../../src/domain/process.ts';
import type { Json } from '../../../src/lib/json.ts';
import { turnParser } from '../../../src/systems/orket/parse-turn.ts';
import type { DeriveContext, FileFacts, Located } from '../../../src/systems/system.ts';

/** An installation whose work counts as stalled after so long. */
export function locatedAfter(stalledAfterMs: number): Located {
  return {
    system: 'orket' as SystemId,
    kind: 'orket',
    root: '/srv/orket',
    timezone: 'UTC',
    settings: {},
    extra: { stalledAfterMs },
  };
}

/** Facts of an installation with that many cards and as many turns in a hundred runs, folded by the real parsers. */
export function bigFacts(count: number): DeriveContext {
  const now = instant(Date.UTC(2026, 1, 20));
  const located = locatedAfter(300_000);
  const rows = new Map<string, Json>([['tables', { cards: true, runs: true, gates: false, lacking: [] }]]);
  const turns: FileFacts[] = [];
  for (let run = 0; run < 100; run += 1) {
    const id = `run${String(run).padStart(5, '0')}`;
    const startedAt = now - (200 - run) * 60_000;
    rows.set(`run/${id}`, {
      id,
      name: `epic${run}`,
      build: `build-${run}`,
      status: 'done',
      startedAt,
      endedAt: startedAt + 1000,
    });
  }
  for (let index = 0; index < count; index += 1) {
    const card = `CARD-${index}`;
    const run = `run${String(index % 100).padStart(5, '0')}`;
    rows.set(`card/${card}`, { id: card, build: `build-${index % 100}`, status: 'done', summary: 'work' });
    rows.set(`move/${card}`, [{ id: index, to: 'done', from: 'code_review', at: now - 1000 }]);
    const path = `workspace/default/observability/${run}/${card.toLowerCase()}/${String(index + 1).padStart(3, '0')}_coder`;
    const names = [
      'checkpoint.json',
      'messages.json',
      'model_response.txt',
      'tool_result_write_file_0123456789ab.json',
    ];
    const folded = turnParser.fold(
      null,
      {
        type: 'directory',
        names,
        texts: {
          'checkpoint.json': `{"issue_id":"${card}","model":"m","tool_calls":[{"tool":"write_file","args":{}}],"captured_at":"2026-02-19T00:00:00+00:00"}`,
          'tool_result_write_file_0123456789ab.json': '{"ok": true}',
        },
        modifiedAt: Object.fromEntries(names.map((name) => [name, now])),
      },
      { located, source: 'turns', path, now, fact: () => undefined },
    );
    turns.push({
      source: 'turns',
      path,
      present: true,
      readAt: now,
      facts: new Map(
        Object.entries(folded.facts ?? {}).filter((entry): entry is [string, Json] => entry[1] !== null),
      ),
    });
  }
  const db: FileFacts = {
    source: 'db',
    path: 'orket_persistence.db',
    present: true,
    readAt: now,
    facts: rows,
  };
  const files: { readonly [source: string]: readonly FileFacts[] } = { db: [db], turns };
  return {
    located,
    now,
    processes: emptyProcessTable(now),
    facts: { files: (source) => files[source] ?? [], status: () => undefined },
  };
}
