import { expect, it } from 'vitest';
import { FlowGauge } from '../../src/engine/flow-gauge.ts';

it('gives lines per second and the longest delay of the last five seconds, and nothing once nothing comes', () => {
  const gauge = new FlowGauge(0);
  expect(gauge.figures(0)).toEqual({ linesPerSecond: 0, lagMs: 0 });
  gauge.note(10_100, 30, 12.4);
  gauge.note(10_900, 20, 80.6);
  gauge.note(12_000, 50, 5);
  expect(gauge.figures(12_500)).toEqual({ linesPerSecond: 20, lagMs: 81 });
  expect(gauge.figures(15_000)).toEqual({ linesPerSecond: 10, lagMs: 5 });
  expect(gauge.figures(17_000)).toEqual({ linesPerSecond: 0, lagMs: 0 });
});

it('does not spread the lines of the first second over five', () => {
  const gauge = new FlowGauge(50_000);
  gauge.note(50_400, 40, 1);
  expect(gauge.figures(50_500).linesPerSecond).toBe(40);
  expect(gauge.figures(52_000).linesPerSecond).toBe(20);
});

it('keeps five seconds, however long it runs', () => {
  const gauge = new FlowGauge(0);
  for (let at = 0; at < 100_000; at += 100) gauge.note(at, 1, at);
  expect(gauge.figures(99_999)).toEqual({ linesPerSecond: 10, lagMs: 99_900 });
});
