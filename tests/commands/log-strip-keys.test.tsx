import { afterEach, describe, expect, it } from 'vitest';
import { addMs, instant } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { typedMoment } from '../../src/store/log-time.ts';
import { binned, chosenSpan } from '../../src/store/selectors/log-strip.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { at, coherence, storyNow } from '../views/sample-state.ts';
import { openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen | undefined;
afterEach(() => {
  screen?.close();
  screen = undefined;
});

/** A row every ten seconds from 02:50 on; the fifth minute has an error in it, the seventh is crowded. */
function rows(): LogRow[] {
  const offsets = Array.from({ length: 120 }, (_, index) => index * 10_000);
  for (let index = 0; index < 30; index += 1) offsets.push(7 * 60_000 + index * 1000);
  return offsets
    .sort((a, b) => a - b)
    .map((ms, index) => {
      const time = addMs(at('02:50:00'), ms);
      return {
        id: `r${index}`,
        system: coherence,
        source: 'api',
        path: 'api.log',
        offset: index * 60,
        at: time,
        sortAt: time,
        form: 'log',
        level: ms === 5 * 60_000 ? 'error' : 'info',
        text: `beat ${index}`,
      } satisfies LogRow;
    });
}

async function open(columns: number, height: number): Promise<TestScreen> {
  const engine = new FakeEngine();
  engine.rows = rows();
  const opened = await openScreen({ engine, columns, rows: height });
  screen = opened;
  await opened.press('6', 'L', 'z', 'i');
  return opened;
}

describe('the strip of how much came when', () => {
  it('shows minutes, the worst level of each, and what is under the cursor', async () => {
    const { rows: lines, press } = await open(80, 24);
    await press('g', 'l', 'l', 'l', 'l', 'l');
    expect(lines().slice(2, 6).join('\n')).toMatchInlineSnapshot(`
      "=6 Logs (L: item) ===================== follow  2/s  unread 0 B  bad 0  lag 0.1s
       02:50:00 |:::::::@::::::::::::| 03:10:00
                |     ^              | 02:55:00-02:56:00 6 rows, 1 error
       03:07:00     api.log          beat 132"
    `);
  });

  it('takes one row on a small screen, with the cursor in it', async () => {
    const { rows: lines, press } = await open(60, 10);
    await press('g', 'l');
    expect(lines().slice(1, 4).join('\n')).toMatchInlineSnapshot(`
      "=6 Logs (L: item) = follow  2/s  unread 0 B  bad 0  lag 0.1s
       02:50:00 |:::::::@::::::::::::| 03:10:00
                | ^   E              | 02:51:00-02:52:00 6 rows"
    `);
  });

  it('filters to a span that is begun and ended on it; Esc takes the filter off', async () => {
    const { press, snapshot, frame } = await open(120, 40);
    await press('g', 'l', 'l', 'space', 'l', 'l');
    expect(frame()).toContain('02:52:00-02:55:00 18 rows');
    await press('enter');
    expect(snapshot().log.rows).toHaveLength(18);
    expect(frame()).toContain('&02:52:00-02:55:00');
    expect(snapshot().log.follow).toBe(false);
    await press('escape');
    expect(snapshot().log.rows).toHaveLength(150);
  });

  it('goes to a time without filtering, and is hidden by i', async () => {
    const { press, snapshot, frame } = await open(120, 40);
    await press('g', 'l', 'l', 'l', 'o');
    const { log } = snapshot();
    expect(log.rows.find((row) => row.id === log.selected)?.sortAt).toBe(at('02:53:00'));
    await press('i', 'i');
    expect(frame()).not.toContain('02:50:00 |');
  });

  it('is counted again when rows came, in good time', async () => {
    const { press, engine, wait, frame } = await open(120, 40);
    await press('g');
    expect(frame()).toContain('02:50:00-02:51:00 6 rows');
    engine.rows = [{ ...rows()[0]!, id: 'late', text: 'came late' }, ...rows()];
    engine.say({ now: storyNow, logSeq: 999 });
    await wait(200);
    expect(frame()).toContain('02:50:00-02:51:00 6 rows');
    await wait(2_000);
    expect(frame()).toContain('02:50:00-02:51:00 7 rows');
  });

  it('never leaves a span out, however few columns there are', () => {
    const counts = { debug: 0, info: 2, warning: 1, error: 0 };
    const spans = Array.from({ length: 100 }, (_, index) => ({ from: instant(index * 60_000), counts }));
    const strip = binned({ spanMs: 60_000, spans, untimed: 0, isComplete: true, of: 'query' }, 30);
    expect(strip.bins.length).toBeLessThanOrEqual(30);
    expect(strip.bins.reduce((sum, bin) => sum + bin.total, 0)).toBe(300);
    expect(chosenSpan(strip, { at: -5, from: 1e12 })).toEqual({ since: 0, until: 100 * 60_000 });
  });
});

describe('going to a time', () => {
  it('is typed in the palette', async () => {
    const { press, type, snapshot, frame } = await open(120, 40);
    await press('escape', ':');
    await type('at 02:55');
    await press('enter');
    const { log } = snapshot();
    expect(log.rows.find((row) => row.id === log.selected)?.sortAt).toBe(at('02:55:00'));
    expect(frame()).toContain('the log at 2026-02-21 02:55:00');
    await press(':');
    await type('at noon');
    await press('enter');
    expect(frame()).toContain('"noon" is no time');
  });

  it('reads clocks of the screen, ages and dates', () => {
    const now = at('03:14:07');
    expect(typedMoment('03:12', now, 0)).toBe(at('03:12:00'));
    expect(typedMoment('04:00', now, 0)).toBe(addMs(at('04:00:00'), -86_400_000));
    expect(typedMoment('20:12:30', now, -7 * 3_600_000)).toBe(at('03:12:30'));
    expect(typedMoment('15m', now, 0)).toBe(addMs(now, -900_000));
    expect(typedMoment('2026-02-21 03:12', now, 0)).toBe(at('03:12:00'));
    expect(typedMoment('2026-02-20 20:12', now, -7 * 3_600_000)).toBe(at('03:12:00'));
    expect(typedMoment('2026-02-21T03:12:00Z', now, -7 * 3_600_000)).toBe(at('03:12:00'));
    expect(typedMoment('25:00', now, 0)).toBeUndefined();
    expect(typedMoment('soon', now, 0)).toBeUndefined();
  });
});
