import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BLOCK_BYTES,
  blockCount,
  HOLE_BYTES,
  MAX_LINE_BYTES,
  MOST_LINES,
  readBlock,
} from '../../src/logs/line-block.ts';
import { createLineTable, LINE_CUT } from '../../src/logs/line-reader.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';

const table = createLineTable(MOST_LINES);

/** Place and text of each line, block by block in any order. */
function byBlocks(content: Buffer): [offset: number, text: string][] {
  const lines: [number, string][] = [];
  for (let block = blockCount(content.length) - 1; block >= 0; block -= 1) {
    const read = (offset: number, length: number): Buffer => content.subarray(offset, offset + length);
    readBlock(read, block, { encoding: 'utf8', markBytes: 0 }, plainLines(), table);
    for (let line = table.count - 1; line >= 0; line -= 1) {
      const text = table.bytes.toString('latin1', table.starts[line], table.ends[line]);
      if (((table.flags[line] ?? 0) & LINE_CUT) !== 0) expect(text.length).toBe(MAX_LINE_BYTES);
      lines.push([table.offsets[line] ?? 0, text]);
    }
  }
  return lines.reverse();
}

/** The same in one go: lines end with a newline or at a hole, zeros before a line are none of it. */
function naive(content: Buffer): [offset: number, text: string][] {
  const text = content.toString('latin1');
  const lines: [number, string][] = [];
  for (let at = 0; at < text.length; ) {
    let start = at;
    while (text[start] === '\0') start += 1;
    if (start >= text.length) break;
    const newline = text.indexOf('\n', start);
    const hole = text.indexOf('\0'.repeat(HOLE_BYTES), start);
    const end = Math.min(newline === -1 ? text.length : newline, hole === -1 ? text.length : hole);
    lines.push([start, text.slice(start, Math.min(end, start + MAX_LINE_BYTES))]);
    at = end === newline ? end + 1 : end;
  }
  return lines;
}

describe('the lines of blocks', () => {
  it('are those of the whole, each in one block, over borders, holes and lines longer than blocks', () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }).map((size) => `${'t'.repeat(size)}\n`) },
      { weight: 2, arbitrary: fc.constantFrom(1, 63, 64, 65, 200, 70_000).map((size) => '\0'.repeat(size)) },
      { weight: 1, arbitrary: fc.constantFrom('\n\n', 'x', '\0x\0y\n') },
      // Up to a border, give or take a byte or two.
      { weight: 3, arbitrary: fc.integer({ min: -66, max: 2 }).map((by) => `B${by}`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(65_535, 65_536, 65_537, 200_000).map((size) => 'y'.repeat(size)),
      },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        let text = '';
        for (const one of pieces) {
          const by = /^B(-?\d+)$/.exec(one)?.[1];
          if (by === undefined) text += one;
          else text += 'z'.repeat(Math.max(0, BLOCK_BYTES - (text.length % BLOCK_BYTES) + Number(by)));
        }
        const content = Buffer.from(text, 'latin1');
        expect(byBlocks(content)).toEqual(naive(content));
      }),
      { numRuns: 400 },
    );
  });
});
