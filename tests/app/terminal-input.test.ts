import { setImmediate as afterInput } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keyReader } from '../../src/app/terminal-input.ts';
import { instant } from '../../src/domain/instant.ts';
import { manualClock } from '../../src/host/clock.ts';
import type { KeyEvent } from '../../src/lib/key-decoder.ts';

function start() {
  const clock = manualClock(instant(1_000_000));
  const names: string[] = [];
  const reader = keyReader(clock, (events: readonly KeyEvent[]) => {
    for (const event of events) names.push(event.type === 'key' ? event.name : event.type);
  });
  const read = (text: string): void => reader.read(new TextEncoder().encode(text));
  return { clock, names, reader, read };
}

describe('reading keys', () => {
  it('tells a lone Escape once the wait is over', async () => {
    const { clock, names, read } = start();
    read('\x1b');
    clock.advance(300);
    await afterInput();
    expect(names).toEqual([]);
    clock.advance(1);
    await afterInput();
    expect(names).toEqual(['escape']);
  });

  it('lets input that lay there during a stall be read before it gives up', async () => {
    const { clock, names, read } = start();
    read('\x1b');
    // The timer fires first after a stall; the rest of the arrow is read in the same turn of the loop.
    clock.advance(301);
    read('[B');
    await afterInput();
    expect(names).toEqual(['down']);
  });

  it('waits on from each piece', async () => {
    const { clock, names, read } = start();
    read('\x1b');
    clock.advance(250);
    await afterInput();
    read('[');
    clock.advance(250);
    await afterInput();
    read('B');
    expect(names).toEqual(['down']);
  });

  it('tells nothing once stopped', async () => {
    const { clock, names, reader, read } = start();
    read('\x1b');
    reader.stop();
    clock.advance(1000);
    await afterInput();
    read('j');
    expect(names).toEqual([]);
  });
});
