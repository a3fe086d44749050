/** What the built program keeps of a log that its writer empties, and tells of it afterwards. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../ingest/collector.ts';
import { startCockpit, temporaryDirectory } from './cockpit.ts';
import { runVerb } from './verb.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const KIND = `
kinds:
  shift:
    title: Shifts
    sources:
      out: { type: log, glob: out.log, volatile: true, format: text, pattern: "^(?<time>\\\\S+) (?<message>.*)$" }
    entities: []
`;

describe('a log that is emptied after each run', () => {
  it('is told by a verb as far as a cockpit read it, also where that was killed and the log emptied since', async () => {
    const home = temporaryDirectory('emptied');
    ends.push(() => home.remove());
    const [root, state] = [join(home.path, 'root'), join(home.path, 'state')];
    mkdirSync(root);
    const config = join(home.path, 'binnacle.yaml');
    const log = join(root, 'out.log');
    writeFileSync(config, `${KIND}systems: [{ kind: shift, root: ${root} }]\n`);
    writeFileSync(
      log,
      '2026-02-21T03:00:01Z first run began\n2026-02-21T03:00:02Z token=sesame12345678 used\n',
    );

    const cockpit = startCockpit({ args: ['pane', 'logs', '-C', config], state });
    ends.push(() => cockpit.close());
    await cockpit.waitFor(/first run began/);
    // From when on it is this cockpit that writes.
    const spool = join(state, 'emptied-logs');
    const isKept = (name: string): boolean =>
      existsSync(spool) && readdirSync(spool, { recursive: true }).some((one) => String(one).endsWith(name));
    await until(() => isKept('open.json'), 20_000);
    truncateSync(log, 0);
    await cockpit.waitFor(/out\.log was emptied by its writer/);
    appendFileSync(log, '2026-02-21T03:10:01Z second run began\n');
    await cockpit.waitFor(/second run began/);
    await until(() => isKept('open.json'), 20_000);
    cockpit.kill('SIGKILL');
    await cockpit.exit;
    truncateSync(log, 0);
    appendFileSync(log, '2026-02-21T03:20:01Z third run began\n');

    const verb = (...words: string[]) =>
      runVerb(['logs', ...words, '-C', config], { env: { BINNACLE_STATE_DIR: state } });
    const { stdout, code } = await verb('--grep', 'run began|used|emptied');
    expect(code).toBe(0);
    const told = stdout.split('\n').map((line) => line.slice(21).replaceAll(/ +/g, ' '));
    expect(told).toEqual([
      'shift out first run began [file since emptied]',
      'shift out token=*** used [file since emptied]',
      'shift out second run began [file since emptied]',
      'shift out third run began',
      expect.stringMatching(/^shift out CHANGE out\.log was emptied by its writer; .*\(84 bytes\) stays/),
      expect.stringMatching(/^shift out CHANGE .* while nobody watched; .*\(38 bytes\) stays readable$/),
      '',
    ]);
  });
});
