import type { Writable } from 'node:stream';
import { jsonText } from '../lib/json-text.ts';
import { type SafeText, safeText } from '../lib/safe-text.ts';
import { cutText, fitText, widthOf } from '../lib/text-width.ts';

/** Where a verb writes. Ends quietly when the reader has gone (EPIPE). */
export interface Output {
  /** A line of safe text. */
  line(text: SafeText): void;
  /** One JSON value on one line, or indented. */
  json(value: unknown, indent?: boolean): void;
  /** A line on stderr. */
  note(text: SafeText): void;
  /** Columns of a terminal, or undefined in a pipe: nothing is cut there. */
  readonly columns: number | undefined;
  /** True once the reader has gone: a follower stops. */
  readonly closed: () => boolean;
  /** Resolves when everything written has been handed on. */
  flush(): Promise<void>;
}

type Stream = Writable & { readonly columns?: number; readonly isTTY?: boolean };

/** What a text or a value may be told as. */
export interface OutputGate {
  text(text: string): string;
  value(value: unknown): unknown;
}

/** Makes an output of the process's streams. Nothing is written that did not pass the gate. */
export function streamOutput(stdout: Stream, stderr: Writable, gate: OutputGate): Output {
  let gone = false;
  stdout.on('error', () => {
    gone = true;
  });
  stdout.on('close', () => {
    gone = true;
  });
  stderr.on('error', () => {});
  const write = (text: string): void => {
    if (!gone) stdout.write(text);
  };
  return {
    line: (text) => write(`${gate.text(text)}\n`),
    json: (value, indent = false) => write(`${jsonText(gate.value(value), indent)}\n`),
    note: (text) => void stderr.write(`${gate.text(text)}\n`),
    columns: stdout.isTTY === true ? stdout.columns : undefined,
    closed: () => gone,
    flush: () =>
      new Promise((resolve) => {
        if (gone) resolve();
        else stdout.write('', () => resolve());
      }),
  };
}

/** A table of plain aligned columns, as kubectl prints them; the last column is cut to the terminal's width. */
export function printTable(
  output: Output,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const safeRows = [header, ...rows].map((row) => row.map((cell) => safeText(cell)));
  const widths = header.map((_name, column) =>
    Math.max(...safeRows.map((row) => widthOf(row[column] ?? ('' as SafeText)))),
  );
  for (const row of safeRows) {
    const cells = row.map((cell, column) =>
      column === row.length - 1 ? cell : fitText(cell, Math.min(widths[column] ?? 0, 60)),
    );
    const line = cells.join('  ') as SafeText;
    output.line(output.columns === undefined ? line : cutText(line, output.columns));
  }
}
