import { exitOf, type Finding } from '../domain/finding.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import { type SafeText, safeText } from '../lib/safe-text.ts';
import { cutText, fitText, widthOf } from '../lib/text-width.ts';
import type { Output } from './output.ts';

const LEVELS = ['ok', 'warn', 'fail'] as const;
/** Subjects are made shorter than this, so that what is said stands in sight. */
const SUBJECT_COLUMNS = 34;

/** Prints what `doctor` found, and returns the exit code of it. */
export function printFindings(
  at: Instant,
  findings: readonly Finding[],
  json: boolean,
  output: Output,
): number {
  const counts = LEVELS.map(
    (level) => [level, findings.filter((one) => one.level === level).length] as const,
  );
  const exit = exitOf(findings);
  if (json) {
    const rows = findings.map(({ area, subject, level, says, mend }) => ({
      ...{ area, subject, level, says },
      mend: mend ?? null,
    }));
    const told = { schema: 'binnacle-doctor/1', generatedAt: toIso(at), exit, ...Object.fromEntries(counts) };
    output.json({ ...told, findings: rows }, true);
    return exit;
  }
  const subjects = findings.map(({ subject }) => safeText(subject));
  const width = Math.min(SUBJECT_COLUMNS, Math.max(0, ...subjects.map(widthOf)));
  const line = (text: string): void => {
    const safe = text as SafeText;
    output.line(output.columns === undefined ? safe : cutText(safe, output.columns));
  };
  let area = '';
  for (const [index, finding] of findings.entries()) {
    if (finding.area !== area) line(`${index === 0 ? '' : '\n'}${safeText(finding.area)}`);
    area = finding.area;
    const subject = fitText(subjects[index] ?? safeText(''), width);
    line(`  ${finding.level.padEnd(4)}  ${subject}  ${safeText(finding.says)}`);
    // What to do is never cut: it is there to be typed.
    if (finding.mend !== undefined && finding.level !== 'ok')
      output.line(`        ${' '.repeat(width)}  -> ${safeText(finding.mend)}` as SafeText);
  }
  const words = { ok: 'right', warn: 'with a limit', fail: 'to be mended' };
  line(
    `\n${[...counts]
      .reverse()
      .map(([level, count]) => `${count} ${words[level]}`)
      .join(', ')}`,
  );
  return exit;
}
