import { describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import { manualClock } from '../../src/host/clock.ts';
import { createThrottle } from '../../src/store/throttle.ts';

function setUp(shortest?: number) {
  const clock = manualClock(instant(1_000_000));
  const drawn: number[] = [];
  const throttle = createThrottle(clock, () => drawn.push(clock.monotonic()), shortest);
  return { clock, drawn, throttle };
}

describe('the throttle', () => {
  it('draws at once when it was quiet', () => {
    const { drawn, throttle } = setUp();
    throttle.request();
    expect(drawn).toEqual([0]);
  });

  it('makes one frame of everything that comes within a window, and loses nothing', () => {
    const { clock, drawn, throttle } = setUp();
    throttle.request();
    for (let index = 0; index < 100; index += 1) throttle.request();
    expect(drawn).toHaveLength(1);
    clock.advance(16);
    expect(drawn).toEqual([0, 16]);
    clock.advance(1000);
    expect(drawn).toHaveLength(2);
  });

  it('waits four times what the last frame cost, a hundred milliseconds at most', () => {
    const { clock, drawn, throttle } = setUp();
    throttle.request();
    throttle.frameCost(10);
    throttle.request();
    clock.advance(39);
    expect(drawn).toHaveLength(1);
    clock.advance(1);
    expect(drawn).toEqual([0, 40]);
    throttle.frameCost(500);
    throttle.request();
    clock.advance(100);
    expect(drawn).toEqual([0, 40, 140]);
  });

  it('keeps frames further apart over a slow link', () => {
    const { clock, drawn, throttle } = setUp(33);
    throttle.request();
    throttle.request();
    clock.advance(32);
    expect(drawn).toHaveLength(1);
    clock.advance(1);
    expect(drawn).toHaveLength(2);
  });

  it('draws nothing after it was closed', () => {
    const { clock, drawn, throttle } = setUp();
    throttle.request();
    throttle.request();
    throttle.close();
    clock.advance(100);
    throttle.request();
    expect(drawn).toHaveLength(1);
  });
});
