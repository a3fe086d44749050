import { exitOf, type Finding } from '../domain/finding.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import { type SafeText, safeText } from '../lib/safe-text.ts';
import { cutText, fitText, widthOf, wrapText } from '../lib/text-width.ts';
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
  const line = (text: string): void => output.line(text as SafeText);
  let area = '';
  for (const [index, finding] of findings.entries()) {
    if (finding.area !== area) line(`${index === 0 ? '' : '\n'}${safeText(finding.area)}`);
    area = finding.area;
    const subject = fitText(subjects[index] ?? safeText(''), width);
    const left = `  ${finding.level.padEnd(4)}  ${subject}  `;
    const room = output.columns === undefined ? Number.MAX_SAFE_INTEGER : output.columns - widthOf(left);
    const [says, mend] = [safeText(finding.says), safeText(`-> ${finding.mend ?? ''}`)];
    // What is right may be cut; what is wrong, and what to do about it, is there to be read.
    const lines =
      finding.level === 'ok'
        ? [cutText(says, Math.max(0, room))]
        : [
            ...wrapText(says, Math.max(20, room)),
            ...(finding.mend ? wrapText(mend, Math.max(20, room)) : []),
          ];
    for (const [at, text] of lines.entries()) line(`${at === 0 ? left : ' '.repeat(widthOf(left))}${text}`);
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
