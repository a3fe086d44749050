import { describe, expect, it } from 'vitest';
import type { ActPreview, Confirmation } from '../../src/domain/act.ts';
import { LONGEST_LIST, listActs } from '../../src/domain/act-list.ts';
import type { EntityType, SystemId } from '../../src/domain/entity.ts';

function preview(id: string, more: Partial<ActPreview> = {}, type: EntityType = 'job'): ActPreview {
  const confirmation: Confirmation = 'yes';
  return {
    ...{
      act: 'job.retry',
      title: 'Retry',
      system: 'q' as SystemId,
      root: '/srv/q',
      targetTitle: id,
      params: {},
    },
    ...{ steps: [], commands: [`retry ${id}`], risk: 'reversible', confirmation, warnings: [], strands: [] },
    ...{ expected: [], undo: 'none', revision: 'r1', attempt: 1 },
    target: { system: 'q' as SystemId, type, id },
    ...more,
  };
}

describe('a list of acts', () => {
  it('keeps the order, and asks for the hardest confirmation of what can be done', () => {
    const list = listActs([
      preview('b'),
      preview('a', { confirmation: 'yes-and-reason' }),
      preview('c', { confirmation: 'code', refused: 'it runs' }),
    ]);
    expect(list.items.map(({ target }) => target.id)).toEqual(['b', 'a', 'c']);
    expect(list).toMatchObject({ confirmation: 'yes-and-reason', needsReason: true });
    expect(list.refused).toBeUndefined();
  });

  it('has letters that follow from all of it: another command, revision, attempt, item or order has others', () => {
    const of = (...ids: readonly ActPreview[]) => listActs(ids).code;
    const code = { confirmation: 'code' } as const;
    const [a, b] = [preview('a', code), preview('b', code)];
    const all = [
      of(a, b),
      of(b, a),
      of(a),
      of(a, preview('b', { ...code, revision: 'r2' })),
      of(a, preview('b', { ...code, attempt: 2 })),
      of(a, preview('b', { ...code, payloadDigest: 'd' })),
      of(a, preview('b', { ...code, commands: ['rm b'] })),
    ];
    for (const letters of all) expect(letters).toMatch(/^[A-Z]{4}$/);
    expect(new Set(all).size).toBe(all.length);
    expect(of(a, b)).toBe(all[0]);
  });

  it('decides no approvals in bulk, takes no item twice, and no more than a person reads', () => {
    const approvals = [preview('a', {}, 'approval'), preview('b', {}, 'approval')];
    expect(listActs(approvals).refused).toBe('approvals are decided one at a time');
    expect(listActs(approvals.slice(1)).refused).toBeUndefined();
    expect(listActs([preview('a'), preview('a')]).refused).toBe('q/job/a is named twice');
    const many = Array.from({ length: LONGEST_LIST + 1 }, (_, index) => preview(`j${index}`));
    expect(listActs(many).refused).toMatch(/^51 at once: at most 50/);
    expect(listActs([preview('a', { refused: 'it runs' })]).refused).toBe('it runs');
  });
});
