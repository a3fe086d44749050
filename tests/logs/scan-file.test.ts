import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { literalFinder } from '../../src/logs/literal-finder.ts';
import { EMPTY_PIECE, foldPieces, type ScanPiece, scanSlices } from '../../src/logs/scan-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'binnacle-scan-'));
const path = join(directory, 'app.log');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function scan(content: string, needle: string, windowBytes: number, cuts: readonly number[] = []): ScanPiece {
  writeFileSync(path, content, 'latin1');
  const descriptor = openSync(path, 'r');
  try {
    const finder = literalFinder(Buffer.from(needle, 'latin1'), false, windowBytes);
    const borders = [0, ...cuts.filter((cut) => cut < content.length).sort((a, b) => a - b), content.length];
    let piece = EMPTY_PIECE;
    for (const [index, to] of borders.entries())
      for (const next of scanSlices(descriptor, finder, borders[index - 1] ?? 0, to, 1000))
        piece = foldPieces(piece, next, 1000);
    return piece;
  } finally {
    closeSync(descriptor);
  }
}

/** The first match of each line in which one begins. */
function naive(content: string, needle: string): number[] {
  const hits: number[] = [];
  for (let at = content.indexOf(needle); at !== -1; ) {
    hits.push(at);
    const end = content.indexOf('\n', at);
    at = end === -1 ? -1 : content.indexOf(needle, end + 1);
  }
  return hits;
}

describe('the scan of a file', () => {
  it('counts and places lines as the naive search does, whatever the slices and the pieces', () => {
    const text = (least: number, most: number) =>
      fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\0'), minLength: least, maxLength: most });
    const needle = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        text(0, 200),
        needle,
        fc.integer({ min: 4, max: 60 }),
        fc.array(fc.nat(200)),
        (all, one, size, cuts) => {
          const piece = scan(all, one, size, cuts);
          expect(piece.hits).toEqual(naive(all, one));
          expect(piece.lines).toBe(piece.hits.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('goes over holes and a line without end to the next line', () => {
    const content = `${'\0'.repeat(100_000)}x\n${'y'.repeat(300_000)}needle${'needle'.repeat(9)}\nneedle\n`;
    expect(scan(content, 'needle', 4096).hits).toEqual(naive(content, 'needle'));
  });
});
