import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DrawnOutput, divertWrites, keepPlain } from '../../src/app/terminal-streams.ts';

/** A stream with a size, whose text is read back. */
function screen(columns?: number, rows?: number) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => String(stream.read() ?? '') };
}

describe('the output that is drawn on', () => {
  it('passes writes through at once and calls back', async () => {
    const { stream, text } = screen(80, 24);
    const output = new DrawnOutput(stream);
    await new Promise<void>((resolve) => {
      output.write('frame', 'utf8', resolve);
    });
    expect(text()).toBe('frame');
  });

  it('measures what the terminal measures, and what is usual where that says nothing', () => {
    expect(new DrawnOutput(screen(101, 33).stream)).toMatchObject({ columns: 101, rows: 33 });
    expect(new DrawnOutput(screen(1, 1).stream)).toMatchObject({ columns: 1, rows: 1 });
    expect(new DrawnOutput(screen(0, 0).stream)).toMatchObject({ columns: 80, rows: 24 });
    expect(new DrawnOutput(screen().stream)).toMatchObject({ columns: 80, rows: 24 });
  });

  it('knows whether the alternate screen is on', () => {
    const output = new DrawnOutput(screen(80, 24).stream);
    expect(output.isAlternate).toBe(false);
    output.write('a\x1b[?1049h\x1b[?25l');
    expect(output.isAlternate).toBe(true);
    output.write('no word of it');
    expect(output.isAlternate).toBe(true);
    output.write('\x1b[?1049l\x1b[?1049h');
    expect(output.isAlternate).toBe(true);
    output.writeLast('\x1b[?1049l');
    expect(output.isAlternate).toBe(false);
  });

  it('takes nothing but last words when deaf, and still calls back', async () => {
    const { stream, text } = screen(80, 24);
    const output = new DrawnOutput(stream);
    output.goDeaf();
    await new Promise<void>((resolve) => {
      output.write('the last frame', resolve);
    });
    output.writeLast('goodbye');
    expect(text()).toBe('goodbye');
    output.listen();
    output.write('again');
    expect(text()).toBe('again');
  });
});

describe('what strays to a stream', () => {
  it('goes where it is diverted until that ends, while the drawing passes', async () => {
    const { stream, text } = screen(80, 24);
    const output = new DrawnOutput(stream);
    const strays: string[] = [];
    const end = divertWrites(stream, (stray) => strays.push(stray));
    await new Promise<void>((resolve) => {
      stream.write(new TextEncoder().encode('a warning'), () => resolve());
    });
    output.write('frame');
    expect(strays).toEqual(['a warning']);
    expect(text()).toBe('frame');
    end();
    stream.write('plain');
    expect(text()).toBe('plain');
    expect(strays).toHaveLength(1);
  });
});

describe('a redirected stderr', () => {
  it('gets words, and no cursor sequence', () => {
    const { stream, text } = screen();
    (stream as { isTTY: boolean }).isTTY = false;
    keepPlain(stream);
    stream.write('\x1b[?25h');
    stream.write('words');
    expect(text()).toBe('words');
  });
});
