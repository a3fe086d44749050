/**
 * Lines of a log as its kind's parser reads them, for the log engine: what is shown of an old line is what would be shown
 * of a new one. A parser goes through a log from its beginning; here it sees a block, or one line, and starts anew, so
 * that what it carries from line to line (which task is at work, whose day a time without one is of) is not known at a
 * block's start.
 */
import type { Instant } from '../domain/instant.ts';
import type { LogRecord } from '../domain/log.ts';
import { type LineReader, type LineTable, type LineText, levelNumber } from '../logs/line-reader.ts';
import type { LineReaders } from '../logs/log-desk.ts';
import { plainLines } from '../logs/plain-lines.ts';
import type { Located, ParseContext, Parser, SystemKind } from '../systems/system.ts';

/** Lines of a block by which the quick reading of times and levels is held against the parser's. */
const SAMPLED = 48;

/** Reads lines with a kind's parser; `path` is that of the log, as its parser knows it. */
export function kindLines(parser: Parser, located: Located, source: string, path: string): LineReader {
  const quick = plainLines(located.timezone);
  const context: ParseContext = { located, source, path, now: 0 as Instant, fact: () => undefined };
  const fold = (lines: readonly { text: string; offset: number }[]): readonly LogRecord[] => {
    try {
      return parser.fold(parser.start, { type: 'lines', lines }, context).records ?? [];
    } catch {
      // A rule of ours failed on foreign lines: they are shown as they stand.
      return lines;
    }
  };
  const judged = ({ text, offset }: { text: string; offset: number }): Omit<LogRecord, 'text'> | [] => {
    const record = parser.judge?.(text);
    return record ? { ...record, offset } : [];
  };
  /** Whether the quick reading says of every line what the parser says. Undefined until lines with times were seen. */
  let isQuickRight: boolean | undefined;

  const judgeByParser = (table: LineTable, count: number): void => {
    const lines: { text: string; offset: number }[] = [];
    for (let line = 0; line < count; line += 1) lines.push({ text: textOf(table, line), offset: line });
    for (let line = 0; line < count; line += 1) {
      table.ats[line] = Number.NaN;
      table.levels[line] = 0;
      // What the parser makes no record of (a blank line, the twin of another) belongs to the one before.
      table.continues[line] = 1;
    }
    const records = parser.judge ? lines.flatMap(judged) : fold(lines);
    for (const { offset: line, at, level } of records) {
      if (line < 0 || line >= count) continue;
      table.ats[line] = at ?? Number.NaN;
      table.levels[line] = levelNumber(level);
      table.continues[line] = 0;
    }
  };
  const judgeQuickly = (table: LineTable): void => {
    quick.judge(table);
    for (let line = 0; line < table.count; line += 1) table.continues[line] = isBlank(table, line) ? 1 : 0;
  };
  const compare = (table: LineTable): void => {
    const count = Math.min(table.count, SAMPLED);
    judgeByParser(table, count);
    const read = [table.ats, table.levels, table.continues].map((column) =>
      Array.from(column.subarray(0, count)),
    );
    judgeQuickly(table);
    const told = [table.ats, table.levels, table.continues].map((column) =>
      Array.from(column.subarray(0, count)),
    );
    if (JSON.stringify(read) !== JSON.stringify(told)) isQuickRight = false;
    else if (read[0]?.some((at) => !Number.isNaN(at))) isQuickRight ??= true;
  };

  return {
    ...(parser.showsWritten ? { showsWritten: true } : {}),
    judge(table) {
      if (isQuickRight !== false) compare(table);
      // What was read quickly so far agreed where it was looked at.
      if (isQuickRight !== true) judgeByParser(table, table.count);
    },
    describe(raw) {
      const lines = raw.split('\n').map((text, offset) => ({ text, offset }));
      return told(fold(lines), raw);
    },
  };
}

function told(records: readonly LogRecord[], raw: string): LineText {
  const keys = [...new Set(records.flatMap((record) => record.keys ?? []))];
  const origin = records.find((record) => record.origin !== undefined)?.origin;
  return {
    text: records.length === 0 ? raw : records.map(({ text }) => text).join('\n'),
    ...(keys.length === 0 ? {} : { keys }),
    ...(origin === undefined ? {} : { origin }),
  };
}

function textOf({ bytes, starts, ends }: LineTable, line: number): string {
  return bytes.toString('utf8', starts[line] ?? 0, ends[line] ?? 0);
}

function isBlank({ bytes, starts, ends }: LineTable, line: number): boolean {
  for (let at = starts[line] ?? 0; at < (ends[line] ?? 0); at += 1) if ((bytes[at] ?? 0) > 0x20) return false;
  return true;
}

/** Readers of lines are known by kind and parser. */
export function readerName(kind: string, parser: string): string {
  return `${kind}/${parser}`;
}

/** The readers of the logs of these systems, and of others of `kinds`, of which just times and levels are read. */
export function readersOf(
  systems: readonly { readonly kind: SystemKind; readonly located: Located }[],
  kinds: readonly SystemKind[] = [],
): LineReaders {
  const readers: { [name: string]: LineReaders[string] } = {};
  for (const kind of [...kinds, ...systems.map((system) => system.kind)]) {
    for (const [name, parser] of Object.entries(kind.parsers)) {
      readers[readerName(kind.kind, name)] = (spec) => {
        const own = systems.find(({ located }) => located.system === spec.system);
        return own
          ? kindLines(parser, own.located, spec.source, spec.shownPath ?? spec.path)
          : plainLines(spec.zone);
      };
    }
  }
  return readers;
}
