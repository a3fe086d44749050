import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import { diffEntities } from '../../src/domain/diff.ts';
import { type Entity, entityKey, type Job, type SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import { ToldEntities, ToldRecords } from '../../src/engine/without-secrets.ts';
import { keyLine, privateKey, shapes } from '../acts/secret-shapes.ts';

const TOKEN = shapes[1]?.[1] ?? '';
const masker = createMasker();

function job(id: string, title: string, observedAt = 1): Job {
  const system = 'toy' as SystemId;
  const evidence = { source: 'board', path: `logs/${TOKEN}.log`, text: title };
  return { type: 'job', system, id, title, status: 'failed', observedAt: instant(observedAt), evidence };
}

/** Entities as they come to be told, one derivation after the other. */
function teller(): (...entities: Entity[]) => {
  diff: ReturnType<ToldEntities['take']>;
  told: ToldEntities['all'];
} {
  const told = new ToldEntities(masker);
  let known = new Map<string, Entity>();
  return (...entities) => {
    const { diff, next } = diffEntities(
      known,
      entities.map((entity) => told.named(entity)),
    );
    known = next;
    return { diff: told.take(diff, next), told: told.all };
  };
}

describe('entities as they are told', () => {
  it('hold no secret in any text, and are found by a name that holds none', () => {
    const { diff, told } = teller()(job(`job-${TOKEN}`, `clones with ${TOKEN}`), job('b', `as ${TOKEN}`));
    expect(JSON.stringify([diff, ...told])).not.toContain(TOKEN.slice(-12));
    const [first, second] = [...told.values()];
    expect(first?.id).toMatch(/^job-\*\*\*~\w+$/);
    expect(told.get(entityKey(first as Entity))).toBe(first);
    expect(first?.title).toBe('clones with ***');
    expect(second?.id).toBe('b');
    expect(diff.appeared).toEqual([first, second]);
  });

  it('are the derived objects themselves where there is nothing to mask', () => {
    const { evidence: _, ...rest } = job('a', 'plain');
    const plain: Entity = { ...rest, evidence: { source: 'board' } };
    const { told } = teller()(plain);
    expect(told.get('job/a')).toBe(plain);
  });

  it('change, grow older and go with their secrets still masked', () => {
    const tell = teller();
    tell(job('a', `one ${TOKEN}`));
    const older = tell(job('a', `one ${TOKEN}`, 2));
    expect(older.diff).toEqual({ appeared: [], changed: [], gone: [] });
    expect(older.told.get('job/a')).toMatchObject({ title: 'one ***', observedAt: 2 });
    const changed = tell(job('a', `two ${TOKEN}`, 3));
    expect(changed.diff.changed).toMatchObject([
      { before: { title: 'one ***' }, after: { title: 'two ***' } },
    ]);
    const gone = tell();
    expect(gone.diff.gone).toMatchObject([{ title: 'two ***' }]);
    expect(gone.told.size).toBe(0);
  });
});

describe('log records as they are told', () => {
  const told = (
    lines: readonly string[],
    records = new ToldRecords(masker),
    file = 'a.log',
  ): readonly string[] =>
    records
      .take(
        file,
        lines.map((text, offset) => ({ text, offset })),
      )
      .map(({ text }) => text);

  it('mask a private key over the lines it was printed on, in whatever pieces they come', () => {
    const lines = ['before', ...privateKey, 'after'];
    for (const shown of [lines, lines.map((line) => `INFO key: ${line}`)]) {
      for (let cut = 0; cut <= shown.length; cut += 1) {
        const records = new ToldRecords(masker);
        const out = [
          ...told(shown.slice(0, cut), records),
          ...told(['plain'], records, 'other.log'),
          ...told(shown.slice(cut), records),
        ];
        expect(out.join('\n')).not.toContain(keyLine.slice(8, 30));
        expect(out.join('\n')).not.toContain('q83vEjRWeJAS');
        expect(out[0]).toBe(cut === 0 ? 'plain' : shown[0]);
        expect(out.at(-1)).toBe(cut === shown.length ? 'plain' : shown.at(-1));
      }
    }
  });

  it('go on after a key that has no end, and after a mere mention of one', () => {
    const [begin = ''] = privateKey;
    expect(told([begin, keyLine, 'Traceback (most recent call last):', 'done'])).toEqual([
      '***',
      '***',
      'Traceback (most recent call last):',
      'done',
    ]);
    expect(told([`looking for ${begin}`, 'nothing found, going on.'])).toEqual([
      'looking for ***',
      'nothing found, going on.',
    ]);
  });

  it('have keys under the name their entity has', () => {
    const [record] = new ToldRecords(masker).take('a.log', [
      { text: 'x', offset: 0, keys: [`job-${TOKEN}`, 'b'] },
    ]);
    expect(record?.keys).toEqual([masker.name(`job-${TOKEN}`), 'b']);
  });
});
