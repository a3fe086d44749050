import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PaneId, paneOrder } from '../../src/store/desk.ts';
import { type Box, layoutOf, type WantedRows } from '../../views/layout.ts';

const sizes = fc.record({
  columns: fc.integer({ min: 1, max: 300 }),
  rows: fc.integer({ min: 1, max: 120 }),
  sheet: fc.boolean(),
  grow: fc.dictionary(fc.constantFrom(...paneOrder), fc.integer({ min: -20, max: 40 })),
  wanted: fc.dictionary(fc.constantFrom(...paneOrder), fc.integer({ min: 1, max: 200 })),
  focus: fc.constantFrom(...paneOrder),
});

/** `queue 79x5@0,2`, as one would draw it. */
function drawn(columns: number, rows: number, wanted: WantedRows = {}): string[] {
  const layout = layoutOf({ columns, rows, sheet: false, grow: {}, wanted });
  return layout.boxes.map((box) => `${box.pane} ${box.columns}x${box.rows}@${box.x},${box.y}`);
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.columns && b.x < a.x + a.columns && a.y < b.y + b.rows && b.y < a.y + a.rows;
}

describe('the layout', () => {
  it('puts every box within the screen, none over another, at any size and growth', () => {
    fc.assert(
      fc.property(sizes, (options) => {
        const layout = layoutOf(options);
        const used = layout.headerRows + layout.footerRows;
        expect(used).toBeLessThanOrEqual(layout.rows);
        for (const [index, box] of layout.boxes.entries()) {
          expect(box.rows).toBeGreaterThan(0);
          expect(box.columns).toBeGreaterThan(0);
          expect(box.x + box.columns).toBeLessThanOrEqual(layout.columns);
          expect(box.y + box.rows).toBeLessThanOrEqual(layout.rows - layout.footerRows);
          for (const other of layout.boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('uses every row of the body, whatever the panes want', () => {
    fc.assert(
      fc.property(sizes, (options) => {
        const layout = layoutOf(options);
        const left = layout.boxes.filter((box) => box.x === 0);
        const rows = left.reduce((sum, box) => sum + box.rows, 0);
        expect(rows).toBe(layout.rows - layout.headerRows - layout.footerRows);
        const upper = layout.boxes.filter((box) => box.x > 0);
        if (upper.length === 0) return;
        const logs = left.find((box) => box.pane === 'logs')?.rows ?? 0;
        expect(upper.reduce((sum, box) => sum + box.rows, 0)).toBe(rows - logs);
      }),
      { numRuns: 2000 },
    );
  });

  it('is the drawing at 120x40 with more than enough to show everywhere', () => {
    expect(drawn(120, 40)).toEqual([
      'queue 79x13@0,2',
      'card 79x10@0,15',
      'steps 79x6@0,25',
      'pipeline 40x15@80,2',
      'work 40x5@80,17',
      'acts 40x9@80,22',
      'logs 120x8@0,31',
    ]);
  });

  it('gives rows to what has something to show', () => {
    const wanted = { queue: 31, card: 14, steps: 5, logs: 2, pipeline: 13, work: 20, acts: 2 };
    expect(drawn(120, 40, wanted)).toEqual([
      'queue 79x13@0,2',
      'card 79x14@0,15',
      'steps 79x5@0,29',
      'pipeline 40x13@80,2',
      'work 40x16@80,15',
      'acts 40x3@80,31',
      'logs 120x5@0,34',
    ]);
    expect(drawn(120, 40, { ...wanted, queue: 5, card: 8, logs: 300 })).toEqual([
      'queue 79x5@0,2',
      'card 79x8@0,7',
      'steps 79x5@0,15',
      'pipeline 40x9@80,2',
      'work 40x6@80,11',
      'acts 40x3@80,17',
      'logs 120x19@0,20',
    ]);
  });

  it('leaves the queue where it is while the item under the cursor has more or less to show', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 2, max: 300 }), (card, logs) => {
        expect(drawn(120, 40, { queue: 31, card, logs, steps: 9 })[0]).toBe('queue 79x13@0,2');
      }),
    );
  });

  it('keeps four lines of the log, whatever the others want', () => {
    for (const rows of [24, 30, 40, 50]) {
      const logs = layoutOf({ columns: 120, rows, sheet: false, grow: {}, wanted: { logs: 200 } }).boxes.find(
        (box) => box.pane === 'logs',
      );
      expect(logs?.rows).toBeGreaterThanOrEqual(5);
    }
  });

  it('lets the right column fall away at 80x24 and tells the pipeline in the title of the card', () => {
    expect(drawn(80, 24)).toEqual(['queue 80x6@0,2', 'card 80x6@0,8', 'steps 80x4@0,14', 'logs 80x5@0,18']);
    expect(layoutOf({ columns: 80, rows: 24, sheet: false, grow: {} }).pipelineInTitle).toBe(true);
  });

  it('shows a pane without a box of its own whole while it has the keys', () => {
    const panes = (columns: number, rows: number, focus: PaneId): string[] =>
      layoutOf({ columns, rows, sheet: false, grow: {}, focus }).boxes.map((box) => box.pane);
    expect(panes(80, 24, 'acts')).toEqual(['acts']);
    expect(panes(60, 15, 'logs')).toEqual(['logs']);
    expect(panes(60, 15, 'card')).toEqual(['queue', 'card']);
    expect(panes(120, 40, 'acts')).toContain('queue');
  });

  it('keeps queue and the beginning of the card at 60x15, one row at 3, nothing at 1', () => {
    expect(drawn(60, 15)).toEqual(['queue 60x10@0,1', 'card 60x3@0,11']);
    expect(drawn(60, 3)).toEqual(['queue 60x1@0,1']);
    expect(drawn(1, 1)).toEqual([]);
  });

  it('has boxes for approvals and fatal issues from 160x50 up', () => {
    const panes = (columns: number, rows: number): string[] =>
      layoutOf({ columns, rows, sheet: false, grow: {} }).boxes.map((box) => box.pane);
    expect(panes(160, 50)).toContain('approvals');
    expect(panes(159, 50)).not.toContain('approvals');
    expect(panes(200, 49)).not.toContain('fatal');
  });

  it('gives the body to a zoomed pane, and leaves the queue beside a sheet on a tall screen', () => {
    expect(layoutOf({ columns: 100, rows: 30, sheet: false, zoom: 'logs', grow: {} }).boxes).toEqual([
      { pane: 'logs', x: 0, y: 2, columns: 100, rows: 27 },
    ]);
    expect(layoutOf({ columns: 120, rows: 40, sheet: true, grow: {} }).boxes.map((box) => box.pane)).toEqual([
      'queue',
      'sheet',
    ]);
    expect(layoutOf({ columns: 80, rows: 24, sheet: true, grow: {} }).boxes.map((box) => box.pane)).toEqual([
      'sheet',
    ]);
  });

  it('gives more rows to a pane that was grown', () => {
    const rows = (pane: string, grow: Record<string, number>): number =>
      layoutOf({ columns: 120, rows: 40, sheet: false, grow }).boxes.find((box) => box.pane === pane)?.rows ??
      0;
    expect(rows('logs', { logs: 3 })).toBe(rows('logs', {}) + 3);
    expect(rows('queue', { queue: 2 })).toBe(rows('queue', {}) + 2);
    expect(rows('card', { card: 1 })).toBe(rows('card', {}) + 1);
  });
});
