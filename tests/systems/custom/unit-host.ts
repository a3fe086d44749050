/**
 * A host with units: `systemctl` and `journalctl` as programs of their own on PATH, that print what the real ones do
 * (systemd 252) and start, stop and restart units of a state file.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../e2e/cockpit.ts';
import { type EndedVerb, runVerb } from '../../e2e/verb.ts';
import { descriptionOf } from './described.ts';

/** `idle` exits 0 and does nothing; `crashes`: the unit fails at once; `denied` is refused by polkit. */
export type Manner = 'honest' | 'idle' | 'crashes' | 'denied' | 'hangs';

export interface UnitHost {
  readonly root: string;
  /** What systemctl was started with to change something. */
  calls(): readonly (readonly string[])[];
  run(...args: readonly string[]): Promise<EndedVerb>;
  remove(): void;
}

const standIn = (body: string): string => `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const base = dirname(dirname(process.argv[1]));
const argv = process.argv.slice(2);
const load = () => JSON.parse(readFileSync(join(base, 'units.json'), 'utf8'));
const patternOf = (glob) => new RegExp('^' + glob.replace(/[.+^$()|\\\\[\\]{}]/g, '\\\\$&').replace(/\\*/g, '.*').replace(/\\?/g, '.') + '$');
${body}`;

const SYSTEMCTL = standIn(`
const [verb] = argv;
const names = argv.slice(argv.indexOf('--') + 1);
const { manner, units } = load();
if (verb === 'show') {
  const wanted = argv.find((word) => word.startsWith('--property=')).slice(11).split(',');
  const found = units.filter((unit) => names.some((name) => patternOf(name).test(unit.Id)));
  const block = (unit) => wanted.map((name) => name + '=' + (unit[name] ?? '')).join('\\n');
  process.stdout.write(found.map(block).join('\\n\\n') + (found.length > 0 ? '\\n' : ''));
} else {
  appendFileSync(join(base, 'calls.jsonl'), JSON.stringify(argv) + '\\n');
  if (manner === 'denied') {
    console.error('Failed to ' + verb + ' ' + names[0] + ': Access denied');
    console.error("See system logs and 'systemctl status " + names[0] + "' for details.");
    process.exit(4);
  }
  if (manner === 'hangs') setTimeout(() => {}, 60_000);
  else if (manner !== 'idle') {
    const unit = units.find(({ Id }) => Id === names[0]);
    const now = new Date().toISOString();
    const day = new Date().toUTCString().slice(0, 3);
    const time = day + ' ' + now.slice(0, 10) + ' ' + now.slice(11, 19) + ' UTC';
    if (verb === 'reset-failed') Object.assign(unit, { ActiveState: 'inactive', SubState: 'dead', Result: 'success', NRestarts: 0 });
    else if (verb === 'stop') Object.assign(unit, { ActiveState: 'inactive', SubState: 'dead', MainPID: 0, InactiveEnterTimestamp: time });
    else if (manner === 'crashes') Object.assign(unit, { ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', MainPID: 0 });
    else Object.assign(unit, { ActiveState: 'active', SubState: 'running', Result: 'success', MainPID: process.ppid, ActiveEnterTimestamp: time, ActiveEnterTimestampMonotonic: unit.ActiveEnterTimestampMonotonic + 5_000_000 });
    writeFileSync(join(base, 'units.json'), JSON.stringify({ manner, units }));
  }
}
`);

const JOURNALCTL = standIn(`
const rows = [
  { __CURSOR: 's=1', __REALTIME_TIMESTAMP: '1772333920000123', PRIORITY: '3', SYSLOG_IDENTIFIER: 'agent-gateway', _SYSTEMD_UNIT: 'agent-gateway.service', _PID: '700', MESSAGE: 'could not bind: address in use' },
  { __CURSOR: 's=2', __REALTIME_TIMESTAMP: '1772333920500000', PRIORITY: '6', SYSLOG_IDENTIFIER: 'agent-worker', _SYSTEMD_UNIT: 'agent-worker.service', _PID: '812', MESSAGE: [27, 91, 51, 49, 109, 106, 111, 98, 32, 255] },
  { __CURSOR: 's=3', __REALTIME_TIMESTAMP: '1772333921000000', PRIORITY: '5', SYSLOG_IDENTIFIER: 'systemd', UNIT: 'agent-gateway.service', MESSAGE: 'agent-gateway.service: Failed with result \\'exit-code\\'.' },
  { __CURSOR: 's=4', __REALTIME_TIMESTAMP: '1772333922000000', PRIORITY: '6', SYSLOG_IDENTIFIER: 'agent-worker', _SYSTEMD_UNIT: 'agent-worker.service', MESSAGE: null },
];
for (const row of rows) console.log(JSON.stringify(row));
if (argv.includes('--follow')) setInterval(() => {}, 60_000);
`);

/** Lays it out. `within` is how long an act may take to be seen; the programs are not on PATH `withoutPrograms`. */
export function layOutUnits(
  manner: Manner,
  more: { readonly within?: string; readonly withoutPrograms?: true } = {},
): UnitHost {
  const place = temporaryDirectory('units');
  const base = place.path;
  const bin = join(base, 'bin');
  mkdirSync(bin);
  mkdirSync(join(base, 'root'));
  if (!more.withoutPrograms)
    for (const [name, text] of [
      ['systemctl', SYSTEMCTL],
      ['journalctl', JOURNALCTL],
    ] as const) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
  writeFileSync(join(base, 'units.json'), JSON.stringify({ manner, units: recordedUnits() }));
  const kind = structuredClone(descriptionOf('units')) as {
    sources: { unit: { every: string } };
    acts: { expect: { within: string }[]; steps: { timeout: string }[] }[];
  };
  kind.sources.unit.every = '200ms';
  for (const { expect, steps } of kind.acts) {
    for (const stage of expect) stage.within = more.within ?? '30s';
    for (const step of steps) if (manner === 'hangs') step.timeout = '300ms';
  }
  const config = join(base, 'binnacle.yaml');
  writeFileSync(
    config,
    `kinds: { units: ${JSON.stringify(kind)} }\nsystems: [{ kind: units, root: ${base}/root, units: "agent-*.service" }]\n`,
  );
  return {
    root: join(base, 'root'),
    calls() {
      try {
        return readFileSync(join(base, 'calls.jsonl'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((row) => JSON.parse(row) as string[]);
      } catch {
        return [];
      }
    },
    run: (...args) =>
      runVerb([...args, '-C', config], {
        env: {
          BINNACLE_STATE_DIR: join(base, 'state'),
          PATH: more.withoutPrograms ? '/nowhere' : `${bin}:${process.env['PATH']}`,
        },
      }),
    remove: place.remove,
  };
}

/** The units of the golden, as the state systemd would keep. */
function recordedUnits(): readonly { readonly [name: string]: string | number }[] {
  const recorded = JSON.parse(
    readFileSync(new URL('../../../fixtures/custom/units/case.json', import.meta.url), 'utf8'),
  ) as {
    probes: { unit: { stdout: string } };
  };
  return recorded.probes.unit.stdout
    .trim()
    .split('\n\n')
    .map((block) =>
      Object.fromEntries(
        block.split('\n').map((line) => {
          const [name = '', ...value] = line.split('=');
          return [name, name.endsWith('Monotonic') ? Number(value.join('=')) : value.join('=')];
        }),
      ),
    );
}
