import { EventEmitter } from 'node:events';
import xterm from '@xterm/headless';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import type { KeyEvent } from '../../src/lib/key-event.ts';
import {
  copySequence,
  type Drawing,
  drawCockpit,
  paneOfName,
  runCockpit,
  type ScreenTerminal,
} from '../../views/main.tsx';
import { plainTheme } from '../../views/theme.ts';
import { FakeEngine } from './fake-engine.ts';
import { storyNow } from './sample-state.ts';
import { keyPress } from './screen.tsx';

/** A terminal that really interprets what the screen writes, in memory. */
class XtermTerminal extends EventEmitter implements ScreenTerminal {
  readonly isTTY = true;
  readonly writable = true;
  readonly emulator: InstanceType<typeof xterm.Terminal>;
  readonly ink: ScreenTerminal['ink'];
  written = '';
  suspended = 0;
  private readonly keys = new Set<(event: KeyEvent) => void>();

  constructor(columns: number, rows: number) {
    super();
    this.emulator = new xterm.Terminal({
      cols: columns,
      rows,
      allowProposedApi: true,
      scrollback: 0,
      convertEol: true,
    });
    this.ink = {
      stdin: Object.assign(new EventEmitter(), {
        isTTY: false,
        setRawMode() {},
        ref() {},
        unref() {},
        setEncoding() {},
        read: () => null,
      }) as never,
      stdout: this as never,
      stderr: new EventEmitter() as never,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      alternateScreen: true,
      incrementalRendering: true,
      maxFps: 1000,
    };
  }

  get columns(): number {
    return this.emulator.cols;
  }

  get rows(): number {
    return this.emulator.rows;
  }

  write(data: string, ...rest: unknown[]): boolean {
    this.written += data;
    this.emulator.write(data);
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    if (done) queueMicrotask(done);
    return true;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.rows };
  }

  onKey(listener: (event: KeyEvent) => void): () => void {
    this.keys.add(listener);
    return () => this.keys.delete(listener);
  }

  onResize(listener: (size: { columns: number; rows: number }) => void): () => void {
    const tell = (): void => listener(this.size());
    this.on('resize', tell);
    return () => this.off('resize', tell);
  }

  erase(): void {
    this.write('\x1b[H\x1b[J');
  }

  onSuspend(): () => void {
    return () => {};
  }

  suspend(): void {
    this.suspended += 1;
  }

  press(name: string): void {
    for (const listener of [...this.keys]) listener(keyPress(name));
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.emit('resize');
  }

  /** What stands on the screen now. */
  async screen(): Promise<string[]> {
    await new Promise<void>((resolve) => this.emulator.write('', resolve));
    const buffer = this.emulator.buffer.active;
    return Array.from(
      { length: this.rows },
      (_, row) => buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? '',
    );
  }
}

/** Looks again until it holds; the screen is drawn by real timers here. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 200; look += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect.fail('it did not come within two seconds');
}

const clock = { ...systemClock(), now: () => storyNow };
let drawing: Drawing | undefined;
afterEach(async () => {
  drawing?.instance.unmount();
  await drawing?.close();
  drawing = undefined;
});

function open(columns: number, rows: number): XtermTerminal {
  const terminal = new XtermTerminal(columns, rows);
  drawing = drawCockpit({
    engine: new FakeEngine(),
    terminal,
    clock,
    hostName: 'prod-eu-1',
    theme: plainTheme,
    localOffsetMs: 0,
  });
  return terminal;
}

const shows = (terminal: XtermTerminal, text: string) => async (): Promise<boolean> =>
  (await terminal.screen()).join('\n').includes(text);

describe('a cockpit on a terminal', () => {
  it.each([
    [undefined, 1],
    ['queue', 1],
    ['logs', 0],
  ])('rings once for what is told twice; of single panes the queue (%s: %i)', async (pane, bells) => {
    const terminal = new XtermTerminal(120, 40);
    const engine = new FakeEngine();
    let rung = 0;
    terminal.emulator.onBell(() => {
      rung += 1;
    });
    drawing = drawCockpit({
      engine,
      terminal,
      clock,
      hostName: 'prod-eu-1',
      theme: plainTheme,
      localOffsetMs: 0,
      ...(pane === undefined ? {} : { pane }),
    });
    const signals = [{ seq: 1, bell: true as const, text: 'the mill stands' }];
    engine.say({ now: storyNow, signals });
    engine.say({ now: storyNow, signals: [...signals] });
    // A pane alone has no foot: the first frame is enough.
    await until(async () => (await terminal.screen()).join('').trim() !== '');
    expect(rung).toBe(bells);
  });

  it('draws the whole screen in the alternate buffer and answers keys', async () => {
    const terminal = open(120, 40);
    await until(shows(terminal, '-7 Acts'));
    expect(terminal.emulator.buffer.active.type).toBe('alternate');
    const rows = await terminal.screen();
    expect(rows[0]).toContain('prod-eu-1 PROD');
    expect(rows[3]).toMatch(/^>x FATAL/);
    terminal.press('j');
    await until(shows(terminal, 'Why: restart asked 7 times'));
    expect((await terminal.screen())[4]).toMatch(/^>x FATAL/);
  });

  it('after a storm of sizes down to one cell is as if drawn afresh, and never clears the scroll-back', async () => {
    const terminal = open(120, 40);
    await until(shows(terminal, '-7 Acts'));
    for (let step = 0; step < 60; step += 1) {
      terminal.resize(1 + ((step * 37) % 150), 1 + ((step * 13) % 50));
      if (step % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    terminal.resize(1, 1);
    await new Promise((resolve) => setTimeout(resolve, 150));
    terminal.resize(100, 30);
    await until(shows(terminal, '? keys'));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const after = await terminal.screen();
    const fresh = new XtermTerminal(100, 30);
    const other = drawCockpit({
      engine: new FakeEngine(),
      terminal: fresh,
      clock,
      hostName: 'prod-eu-1',
      theme: plainTheme,
      localOffsetMs: 0,
    });
    await until(shows(fresh, '? keys'));
    await until(shows(fresh, 'CHANGE'));
    await until(shows(fresh, 'Steps: API unreachable'));
    expect(after).toEqual(await fresh.screen());
    expect(terminal.written).not.toContain('\x1b[3J');
    other.instance.unmount();
    await other.close();
  });

  it('writes little for one more line of a log', async () => {
    const engine = new FakeEngine();
    const terminal = new XtermTerminal(120, 40);
    drawing = drawCockpit({ engine, terminal, clock, hostName: 'h', theme: plainTheme, localOffsetMs: 0 });
    await until(shows(terminal, 'CHANGE'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    terminal.written = '';
    const last = engine.rows[4]!;
    engine.rows = [...engine.rows, { ...last, seq: 6, text: 'one more' }];
    engine.say({ now: storyNow, logSeq: 6 });
    await until(shows(terminal, 'one more'));
    expect(terminal.written.length).toBeLessThan(600);
  });

  it('writes nothing while nothing happens', async () => {
    const terminal = open(120, 40);
    await until(shows(terminal, 'CHANGE'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    terminal.written = '';
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(terminal.written).toBe('');
  });

  it('quits with its exit code and leaves the alternate buffer', async () => {
    const terminal = new XtermTerminal(80, 24);
    const ended = runCockpit({
      engine: new FakeEngine(),
      terminal,
      clock,
      hostName: 'h',
      theme: plainTheme,
      localOffsetMs: 0,
    });
    await until(shows(terminal, '? keys'));
    terminal.press('Q');
    expect(await ended).toBe(0);
    await terminal.screen();
    expect(terminal.emulator.buffer.active.type).toBe('normal');
  });

  it('rejects with what went wrong while drawing', async () => {
    const terminal = new XtermTerminal(80, 24);
    const engine = new FakeEngine();
    const ended = runCockpit({ engine, terminal, clock, hostName: 'h', theme: plainTheme, localOffsetMs: 0 });
    await until(shows(terminal, '? keys'));
    // What no engine may say: a notice that is no text. It breaks the drawing itself.
    engine.say({ now: storyNow, notices: [null as never] });
    await expect(ended).rejects.toThrow();
    await terminal.screen();
    expect(terminal.emulator.buffer.active.type).toBe('normal');
  });

  it('says that the engine has ended, and asks the shell for its turn with Ctrl-z', async () => {
    const terminal = open(100, 30);
    await until(shows(terminal, '? keys'));
    terminal.press('ctrl-z');
    expect(terminal.suspended).toBe(1);
    drawing?.engineEnded('worker exit 1');
    await until(shows(terminal, 'ENGINE ENDED: worker exit 1'));
  });

  it('opens one pane by name or number, and tells the names when there is none', async () => {
    expect([paneOfName('logs'), paneOfName('4'), paneOfName('nope')]).toEqual([
      'logs',
      'pipeline',
      undefined,
    ]);
    const terminal = new XtermTerminal(100, 30);
    drawing = drawCockpit({
      engine: new FakeEngine(),
      terminal,
      clock,
      hostName: 'h',
      pane: 'nope',
      theme: plainTheme,
      localOffsetMs: 0,
    });
    await until(shows(terminal, 'there is no pane nope; names: queue approvals'));
  });

  it('puts text on the clipboard through the terminal, any character of it', () => {
    const sequence = copySequence('né\x1b]52;c;x\x07');
    expect(sequence).toMatch(/^\x1b\]52;c;[A-Za-z0-9+/=]+\x07$/);
    expect(Buffer.from(sequence.slice(7, -1), 'base64').toString()).toBe('né\x1b]52;c;x\x07');
    expect(copySequence('x'.repeat(200_000)).length).toBeLessThan(100_000);
  });
});
