import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { instant } from '../../../src/domain/instant.ts';
import { keeperParser } from '../../../src/systems/orket/parse-answers.ts';
import type { Chunk, ParseContext } from '../../../src/systems/system.ts';
import { LiveOrket } from './live.ts';

/** A systemctl or a docker that keeps one server in a file beside it; `lies` makes it do nothing and exit 0. */
const KEEPERS = [
  {
    keeper: 'systemd:orket-api.service',
    program: 'systemctl',
    words: { up: 'active', down: 'inactive' },
    told: `printf 'ActiveState=%s\\nMainPID=%s\\nActiveEnterTimestamp=@%s\\n' "$state" "$pid" "$since"`,
    started: /systemctl --no-ask-password start -- orket-api\.service$/,
  },
  {
    keeper: 'docker:orket-api',
    program: 'docker',
    words: { up: 'running', down: 'exited' },
    told: `printf '%s %s 2026-03-10T09:00:%s.123456789Z\\n' "$state" "$pid" "$since"`,
    started: /docker start orket-api$/,
  },
] as const;

type Keeper = (typeof KEEPERS)[number];

const scriptOf = ({ words: { up, down }, told }: Keeper): string => `#!/bin/sh
here=$(dirname "$0")
state=$(cat "$here/unit")
since=$(cat "$here/since")
if [ "$state" = ${up} ]; then pid=77; else pid=0; fi
case "$*" in
  *show*|inspect*) ${told} ;;
  *) [ -e "$here/lies" ] && exit 0
    case "$*" in *stop*) echo ${down} > "$here/unit" ;; *) echo ${up} > "$here/unit"; echo $((since + 5)) > "$here/since" ;; esac ;;
esac
`;

describe.each(KEEPERS)('a server that $program keeps', (keeper) => {
  const orket = new LiveOrket();
  afterEach(async () => await orket.remove());

  it('is started, restarted and stopped through it, each seen by what it says afterwards', async () => {
    const { program, words } = keeper;
    await orket.lay({ keeper: keeper.keeper } as object);
    const put = (name: string, text: string): void => writeFileSync(join(orket.home, name), text);
    put('unit', words.down);
    put('since', '20');
    put(program, scriptOf(keeper));
    chmodSync(join(orket.home, program), 0o755);
    orket.programs = { [program]: join(orket.home, program) };
    const { url: _url, ...rest } = orket.settings;
    orket.settings = rest;

    const name = keeper.keeper.slice(keeper.keeper.indexOf(':') + 1);
    expect((await orket.look()).entity('service', 'api')?.status).toBe('down');
    expect((await orket.look()).entity('issue', 'api.down')?.title).toBe(`API is not up: ${name}`);
    expect((await orket.preview('service.stop', 'service', 'api')).refused).toContain('is not up');
    const started = await orket.act('service.start', 'service', 'api');
    expect(started).toMatchObject({ outcome: 'verified', summary: 'seen: up anew' });
    expect(started.preview.commands[0]).toMatch(keeper.started);
    put('lies', '');
    expect((await orket.act('service.restart', 'service', 'api', { inVain: true })).outcome).toBe('not-seen');
    rmSync(join(orket.home, 'lies'));
    expect((await orket.act('service.restart', 'service', 'api')).outcome).toBe('verified');
    expect(await orket.act('service.stop', 'service', 'api')).toMatchObject({
      outcome: 'verified',
      summary: 'seen: its keeper says so',
    });
  });
});

describe('what a keeper says', () => {
  const context = { path: 'keeper', now: instant(0) } as ParseContext;
  const fold = (stdout: string, more: object = {}) =>
    keeperParser.fold(null, { type: 'probe', exitCode: 0, stdout, stderr: '', ...more } as Chunk, context);

  it.each([
    [
      'running 4711 2026-03-10T09:00:00.123456789Z\n',
      { word: 'running', isUp: true, pid: 4711, since: Date.UTC(2026, 2, 10, 9, 0, 0, 123) },
    ],
    ['exited 0 2026-03-10T09:00:00Z\n', { word: 'exited', isUp: false, since: Date.UTC(2026, 2, 10, 9) }],
    ['ActiveState=failed\nMainPID=0\nActiveEnterTimestamp=\n', { word: 'failed', isUp: false }],
    ['ActiveState=activating\nMainPID=5\n', { word: 'activating', isUp: false, pid: 5 }],
  ])('%j is understood', (text, fact) => {
    expect(fold(text).facts).toEqual({ keeper: fact });
  });

  it.each([
    [
      'Error: No such object: orket\n',
      { exitCode: 1, stderr: 'Error: No such object: orket\n' },
      'Error: No such object: orket',
    ],
    ['<html>', {}, 'exit 0'],
  ])('%j is no state, and the last one stays', (text, more, reason) => {
    expect(fold(text, more)).toMatchObject({ bad: [{ reason }] });
    expect(fold(text, more).facts).toBeUndefined();
  });
});
