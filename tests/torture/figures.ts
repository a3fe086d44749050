/** What a torture measured, and what became of each row there is, told at the end of the run. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { filesByRow, ROWS, rowsIn } from './rows.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Each figure by its name, in the order they are to be read. */
    figures?: Readonly<Record<string, string | number>>;
  }
}

/** Prints the figures of all tests, a test's title above them, then one line a row. */
export default class FigureTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    process.stdout.write(`${[...tests.flatMap(figuresOf), '', ...rowLines(tests)].join('\n')}\n\n`);
  }
}

function figuresOf(test: TestCase): string[] {
  const figures = Object.entries(test.meta().figures ?? {});
  const width = Math.max(0, ...figures.map(([name]) => name.length));
  const seconds = ((test.diagnostic()?.duration ?? 0) / 1_000).toFixed(1);
  return [
    `\n${test.fullName}: ${test.result().state} in ${seconds} s`,
    ...figures.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
  ];
}

/** A row that did not run here says where it runs, or that it does not. */
function rowLines(tests: readonly TestCase[]): string[] {
  const files = filesByRow(new URL('..', import.meta.url).pathname);
  return Object.entries(ROWS).map(([number, injected]) => {
    const row = Number(number);
    const ran = tests.filter((test) => rowsIn(test.fullName).includes(row));
    const states = ran.map((test) => test.result().state);
    const elsewhere = files.get(row)?.join(', ');
    const verdict = states.includes('failed')
      ? 'FAILED'
      : states.includes('passed')
        ? 'passed'
        : states.includes('skipped')
          ? `not run: ${ran[0]?.meta().figures?.['not run'] ?? 'skipped, or left out by the filter'}`
          : elsewhere === undefined
            ? 'NO TEST carries its number'
            : 'not in this run';
    const also = elsewhere === undefined ? '' : `; ${elsewhere}`;
    return `row ${number.padStart(2)}  ${injected.padEnd(45)}${verdict}${also}`;
  });
}
