/** Runs and servers that do not end, start or answer as they are told to. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tie } from '../../../fixtures/demo/orket/leash.ts';
import { until } from '../acting.ts';
import { allOf, Bench, type Given, KEY, outcomes } from './bench.ts';

beforeAll(() => {
  process.env[KEY] = 'demo-key-of-no-worth';
});
afterAll(() => {
  delete process.env[KEY];
});

describe('a run or a server that takes no signal', () => {
  const bench = new Bench();
  const { orket } = bench;
  let carried = '';
  let own = '';
  beforeAll(async () => {
    await bench.lay();
    // Slower than real ones: nothing ends by itself meanwhile.
    tie(orket.dir, 0.05);
    orket.lie('deaf');
    orket.start('-m', 'orket.webhook_server');
    orket.start('main.py', '--epic', 'tide_ledger');
    await orket.startApi();
    const runBy = (carrier: string) =>
      orket.until(`a run of ${carrier}`, (view) =>
        view.entities('run').some(({ data }) => data?.['carrier'] === carrier),
      );
    const view = await runBy('main.py');
    own = view.entities('run').find(({ data }) => data?.['carrier'] === 'main.py')?.id ?? '';
    await fetch(`${orket.located.url}/v1/system/run-active`, {
      method: 'POST',
      headers: { 'X-API-Key': process.env[KEY] ?? '' },
      body: JSON.stringify({ issue_id: 'kelp_count' }),
    });
    carried =
      (await runBy('server')).entities('run').find(({ data }) => data?.['carrier'] === 'server')?.id ?? '';
    orket.lie();
    await bench.watch();
    await until(async () => {
      await bench.refresh();
      return bench.view().entity('run', carried)?.data?.['carrier'] === 'server';
    });
  });
  afterAll(() => bench.end());

  const pidOf = (id: string): unknown => bench.view().entity('service', id)?.data?.['pid'];

  it('is not called stopped, halted or restarted, and lives on as it was', async () => {
    const pids = [pidOf('api'), pidOf('webhook')];
    const given: readonly Given[] = [
      ['run.halt', 'run', own],
      ['service.stop', 'service', 'api'],
      ['service.stop', 'service', 'webhook'],
      ['service.restart', 'service', 'api'],
      ['service.restart', 'service', 'webhook'],
    ];
    const ended = await bench.all(given);
    expect(outcomes(ended)).toEqual(allOf(given, 'failed'));
    for (const [what, { summary }] of ended)
      expect(summary, what).toMatch(/took SIG(TERM|INT) and still lives/);
    const after = await orket.look();
    expect(['api', 'webhook'].map((id) => after.entity('service', id)?.data?.['pid'])).toEqual(pids);
    expect(after.entity('run', own)?.data).toMatchObject({ pid: expect.any(Number), carrier: 'main.py' });
  });

  it.each([
    ['refused', 'act-refused', 'failed', /^HTTP 500/],
    ['answered with nothing', 'act-empty', 'not-seen', /not seen in .*the API carries it no more/],
    ['said to be done and not done', 'halt-ignored', 'not-seen', /not seen in .*the API carries it no more/],
    ['never answered', 'act-hang', 'timed-out', /^no answer in/],
    ['cut off', 'act-broken', 'unknown', /not seen in .*the API carries it no more/],
  ] as const)('a halt over HTTP that is %s is told as such', async (_what, lie, outcome, why) => {
    orket.lie(lie);
    const ended = await bench.act(['run.halt', 'run', carried], lie === 'act-hang' ? { runMs: 60 } : {});
    orket.lie();
    expect(ended).toMatchObject({ outcome, summary: expect.stringMatching(why) });
    await bench.refresh();
    expect(bench.view().entity('run', carried)?.data).toMatchObject({ carrier: 'server', apiActive: true });
  });
});

/** A systemctl and a docker with one server whose state stands in a file beside them. */
const KEEPERS = [
  {
    program: 'systemctl',
    keeper: 'systemd:orket-api.service',
    webhookKeeper: 'systemd:orket-hook.service',
    up: 'active',
    down: 'inactive',
    failed: 'failed',
    told: `printf 'ActiveState=%s\\nMainPID=0\\nActiveEnterTimestamp=@1700000000\\n' "$state"`,
  },
  {
    program: 'docker',
    keeper: 'docker:orket-api',
    webhookKeeper: 'docker:orket-hook',
    up: 'running',
    down: 'exited',
    failed: 'dead',
    told: `printf '%s 0 2026-03-10T09:00:00Z\\n' "$state"`,
  },
] as const;

describe.each(KEEPERS)('a server that $program keeps', ({ program, up, down, failed, told, ...settings }) => {
  const bench = new Bench();
  const { home } = bench.orket;
  const unit = (state: string): void => writeFileSync(join(home, 'unit'), state);
  const doing = { start: down, restart: up, stop: up };
  /** What it does when it is asked for more than the state. */
  function keeps(deed: string): void {
    const path = join(home, program);
    const asked = `state=$(cat '${home}/unit'); ${told}`;
    writeFileSync(path, `#!/bin/sh\ncase "$*" in\n  *show*|inspect*) ${asked} ;;\n  *) ${deed} ;;\nesac\n`);
    chmodSync(path, 0o755);
  }
  beforeAll(async () => {
    await bench.lay(settings);
    unit(up);
    keeps('exit 0');
    bench.orket.programs = { [program]: join(home, program) };
    await bench.watch();
  });
  afterAll(() => bench.end());

  it.each([
    ['refuses', "echo 'Access denied' >&2; exit 4", 'failed', /^exit 4: Access denied; not seen in/],
    ['says nothing and does nothing', 'exit 0', 'not-seen', /^not seen in/],
    ['never comes back', 'exec sleep 600', 'timed-out', /was killed; not seen in/],
  ] as const)('is not called started, restarted or stopped when it %s', async (...row) => {
    const [, deed, outcome, why] = row;
    keeps(deed);
    for (const [verb, state] of Object.entries(doing)) {
      unit(state);
      await bench.refresh();
      for (const id of ['api', 'webhook']) {
        const given: Given = [`service.${verb}`, 'service', id];
        const { outcome: how, summary } = await bench.act(
          given,
          outcome === 'timed-out' ? { runMs: 80 } : {},
        );
        expect({ verb, id, how, summary }).toEqual({
          ...{ verb, id, how: outcome },
          summary: expect.stringMatching(why),
        });
      }
      expect(readFileSync(join(home, 'unit'), 'utf8')).toBe(state);
    }
  });

  it('has not been restarted when it was stopped and did not come up again, though it exits 0', async () => {
    keeps(`echo ${failed} > '${home}/unit'`);
    unit(up);
    const ended = await bench.orket.act('service.restart', 'service', 'api', { inVain: true });
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('its keeper says that it is up anew'),
    });
    expect((await bench.orket.look()).entity('service', 'api')?.status).toBe('down');
  });
});
