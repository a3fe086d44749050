/** Each act that starts a program or sends a request, with the ways it may fail: refused, nothing, no end, half. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tie } from '../../../fixtures/demo/orket/leash.ts';
import type { Params } from '../../../src/domain/act.ts';
import type { EntityType } from '../../../src/domain/entity.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import { Acting, type Doing, type Ended, until } from '../acting.ts';
import { LiveOrket } from './live.ts';

type Given = readonly [act: string, type: EntityType, id: string, params?: Params];

/** Acts that wait for the end of a program. */
const PROGRAMS: readonly Given[] = [
  ['turn.replay', 'turn', '5a5e0001:sane-1:1:coder'],
  ['job.archive', 'job', 'KELP-1'],
  ['run.archive', 'run', 'ee07f2ab'],
  ['cards.archive', 'service', 'orket', { words: 'reef\nkelp beds' }],
  ['database.migrate', 'service', 'orket'],
  ['check.smoke', 'service', 'orket'],
  ['check.security', 'service', 'orket'],
  ['check.boundaries', 'service', 'orket'],
  ['check.golden-flow', 'service', 'orket'],
  ['check.load', 'service', 'orket', { profile: 'heavy' }],
  ['report.failures', 'service', 'orket'],
  ['report.prompts', 'service', 'orket'],
];

/** Acts that start a program and let it go. */
const LET_GO: readonly Given[] = [
  ['run.resume', 'run', '4e1f0b37'],
  ['job.resume', 'job', 'REEF-2'],
  ['epic.run', 'service', 'orket', { epic: 'sanity_test' }],
  ['service.start', 'service', 'api'],
  ['service.start', 'service', 'webhook'],
];

/** Where there is no interpreter, the same is asked of the API. */
const REQUESTS: readonly Given[] = [
  ['turn.fetch', 'turn', '5a5e0001:sane-1:1:coder'],
  ['job.archive', 'job', 'KELP-1'],
  ['run.archive', 'run', 'ee07f2ab'],
  ['cards.archive', 'service', 'orket', { words: 'reef\nkelp beds' }],
  ['run.resume', 'run', '4e1f0b37'],
  ['epic.run', 'service', 'orket', { epic: 'sanity_test' }],
  ['approval.approve', 'approval', 'b46c22b1'],
  ['approval.deny', 'approval', 'b46c22b1'],
  ['log.clear', 'service', 'orket'],
  ['webhook.probe', 'service', 'webhook'],
];

/** Everything waits for its effect in vain: deadlines are over at once. */
const IN_VAIN = 50_000;
const KEY = 'ORKET_API_KEY';

/** One laid-out checkout with a watch of it, for as many acts as leave it as it is. */
class Bench {
  readonly orket = new LiveOrket();
  #watch: SystemWatch | undefined;
  #acting: Acting | undefined;

  async lay(more: object = {}): Promise<void> {
    await this.orket.lay(more);
  }

  get python(): string {
    return join(this.orket.home, 'python');
  }

  /** The interpreter from now on. What is let go and stays notes its id in `$NOTED`, and is ended with the test. */
  interpreter(body: string): void {
    writeFileSync(this.python, `#!/bin/sh\nNOTED='${join(this.orket.home, 'pids')}'\n${body}\n`);
    chmodSync(this.python, 0o755);
  }

  /** Begins to watch: what was set up to now is what is there. */
  async watch(): Promise<void> {
    const { located } = this.orket;
    this.#watch = new SystemWatch(orketKind, located, {
      clock: systemClock(),
      logs: new LogStore(),
      once: false,
      makePump: createPump,
      secret: (_located, name) => process.env[name],
      onChange: () => {},
      onStatus: () => {},
    });
    await this.#watch.start();
    this.#acting = new Acting(orketKind, located, this.#watch, join(this.orket.home, 'state'));
  }

  view() {
    return (this.#watch as SystemWatch).view();
  }

  async refresh(): Promise<void> {
    await this.#watch?.refresh();
  }

  async act([act, type, id, params = {}]: Given, doing: Doing = {}): Promise<Ended> {
    return await (this.#acting as Acting).act(act, type, id, { hurry: IN_VAIN, ...doing, params });
  }

  /** One after the other: act, item, how it ended. */
  async all(given: readonly Given[], doing: Doing = {}): Promise<readonly (readonly [string, Ended])[]> {
    const ended: (readonly [string, Ended])[] = [];
    for (const one of given) ended.push([`${one[0]} ${one[2]}`, await this.act(one, doing)]);
    return ended;
  }

  /** Every file of the checkout but what servers and runs print, by its bytes. */
  files(): string {
    const names = readdirSync(this.orket.dir, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && !one.name.endsWith('.out') && one.name !== '.lies')
      .map((one) => join(one.parentPath, one.name))
      .sort();
    return names
      .map((name) => `${name} ${createHash('sha1').update(readFileSync(name)).digest('hex')}`)
      .join('\n');
  }

  async end(): Promise<void> {
    this.#acting?.close();
    await this.#watch?.close();
    const noted = join(this.orket.home, 'pids');
    for (const pid of existsSync(noted) ? readFileSync(noted, 'utf8').trim().split('\n').map(Number) : []) {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) === this.orket.dir) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await this.orket.remove();
  }
}

const outcomes = (ended: readonly (readonly [string, Ended])[]): readonly string[] =>
  ended.map(([what, { outcome }]) => `${what}: ${outcome}`);
const allOf = (given: readonly Given[], outcome: string): readonly string[] =>
  given.map(([act, , id]) => `${act} ${id}: ${outcome}`);

beforeAll(() => {
  process.env[KEY] = 'demo-key-of-no-worth';
});
afterAll(() => {
  delete process.env[KEY];
});

describe('an act of a program', () => {
  const bench = new Bench();
  let before = '';
  beforeAll(async () => {
    await bench.lay();
    await bench.watch();
    before = bench.files();
  });
  afterEach(() => expect(bench.files()).toBe(before));
  afterAll(() => bench.end());

  it('fails with the program’s own word when it refuses', async () => {
    bench.interpreter("echo 'sqlite3.OperationalError: database is locked' >&2; exit 1");
    const ended = await bench.all(PROGRAMS);
    expect(outcomes(ended)).toEqual(allOf(PROGRAMS, 'failed'));
    for (const [what, { summary }] of ended) expect(summary, what).toContain('database is locked');
  });

  it('is not called done by exit 0 of a program that says nothing and does nothing', async () => {
    bench.interpreter('exit 0');
    const ended = await bench.all(PROGRAMS);
    expect(outcomes(ended)).toEqual(allOf(PROGRAMS, 'not-seen'));
    for (const [what, { summary }] of ended)
      expect(summary, what).toMatch(/not a word|no migration was named|not seen in/);
  });

  it('times out when the program never ends, which is said', async () => {
    bench.interpreter('exec sleep 600');
    const ended = await bench.all(PROGRAMS, { runMs: 60 });
    expect(outcomes(ended)).toEqual(allOf(PROGRAMS, 'timed-out'));
    for (const [what, { summary }] of ended) expect(summary, what).toMatch(/no end within|was killed/);
  });

  it('half done, is told as what it is: a cut answer, a program killed, a migration kept', async () => {
    bench.interpreter(`case "$*" in
  *--replay-turn*) printf '{"turn_dir": "/x", "messages": [' ;;
  *migrations*) echo '[MIGRATE] Applied 0001_card_indexes.sql to orket_persistence.db'; echo 'sqlite3.OperationalError: disk is full' >&2; exit 1 ;;
  *report_failure*|*eval_harness*) printf '{"events": {"turn_failed": 3' ;;
  *--archive*) echo 'Archived 0 card(s).'; echo 'Missing IDs: KELP-1' ;;
  *) echo '3 of 4 checks passed'; kill -9 $$ ;;
esac`);
    const ended = await bench.all(PROGRAMS);
    const cut = ['not-seen', /no JSON was printed/] as const;
    const killed = ['failed', /^does not hold: exit by SIGKILL: 3 of 4 checks passed/] as const;
    const expected: { readonly [act: string]: readonly [string, RegExp] } = {
      'turn.replay': cut,
      'job.archive': ['not-seen', /^not seen in .*: the row of KELP-1 says archived/],
      'run.archive': ['not-seen', /^not seen in .*: all 2 rows say archived: SAND-\d, SAND-\d/],
      'cards.archive': ['not-seen', /^not seen in .*: all 3 rows say archived/],
      'database.migrate': [
        'failed',
        /^exit 1: .*disk is full; applied before that, and kept: 0001_card_indexes\.sql$/,
      ],
      'report.failures': cut,
      'report.prompts': cut,
    };
    for (const [what, { outcome, summary, row }] of ended) {
      const [how, why] = expected[what.split(' ')[0] ?? ''] ?? killed;
      expect({ what, outcome, summary }).toEqual({ what, outcome: how, summary: expect.stringMatching(why) });
      if (what.includes('archive'))
        expect(row.progress.answer?.summary).toBe('it says 0 cards archived, not found: KELP-1');
    }
  });

  it('that is let go fails where it can not be started, and the reason is named', async () => {
    rmSync(bench.python);
    const ended = await bench.all(LET_GO);
    expect(outcomes(ended)).toEqual(allOf(LET_GO, 'failed'));
    for (const [what, { summary }] of ended)
      expect(summary, what).toMatch(/ENOENT|not (be )?(found|started)/);
  });

  it.each([
    ['refuses', "echo '[FATAL] no such model'; exit 1"],
    ['exits 0 without a word', 'exit 0'],
    ['lives and does nothing', 'echo $$ >> "$NOTED"; exec sleep 600'],
  ])('that is let go is not called started when its program %s', async (what, body) => {
    bench.interpreter(body);
    const ended = await bench.all(LET_GO);
    // The end of one that ends at once is seen by the runner, or it waits for an effect in vain.
    const how = what.startsWith('lives') ? /: not-seen$/ : /: (failed|not-seen)$/;
    for (const outcome of outcomes(ended)) expect(outcome).toMatch(how);
    for (const [which, { summary }] of ended)
      expect(summary, which).toMatch(/not seen in \d+ s: (a new run of \w+|a new process of it)/);
  });
});

/** What cards, runs and gates say of themselves. */
function statesIn(bench: Bench): readonly string[] {
  const view = bench.view();
  return [
    ...view.entities('job').map(({ id, nativeStatus }) => `${id} ${nativeStatus}`),
    ...view.entities('run').map(({ id, nativeStatus }) => `${id} ${nativeStatus}`),
    ...view.entities('approval').map(({ id, status }) => `${id} ${status}`),
  ].sort();
}

/** Checkout, API and webhook server at work; no interpreter, so that the API is the only way. */
async function served(bench: Bench): Promise<void> {
  await bench.lay();
  bench.orket.start('-m', 'orket.webhook_server');
  await bench.orket.startApi();
  await bench.orket.until('the webhook server', (view) => view.entity('service', 'webhook')?.status === 'up');
  const { python: _python, ...rest } = bench.orket.settings;
  bench.orket.settings = rest;
}

describe('an act through the API', () => {
  const bench = new Bench();
  const log = (): string => readFileSync(join(bench.orket.dir, 'workspace/default/orket.log'), 'utf8');
  let before: readonly string[] = [];
  let lines = '';
  beforeAll(async () => {
    await served(bench);
    await bench.watch();
    before = statesIn(bench);
    lines = log();
  });
  afterEach(async () => {
    bench.orket.lie();
    await bench.refresh();
    expect(statesIn(bench)).toEqual(before);
    expect(log()).toBe(lines);
  });
  afterAll(() => bench.end());

  it('fails when it is refused, and the API’s own word is kept', async () => {
    bench.orket.lie('act-refused');
    const ended = await bench.all(REQUESTS);
    expect(outcomes(ended)).toEqual(allOf(REQUESTS, 'failed'));
    for (const [what, { summary, row }] of ended) {
      expect(summary, what).toMatch(/^(HTTP )?500/);
      expect(JSON.stringify(row.progress.answer), what).toContain('database is locked');
    }
  });

  it('is not called done by a 200 that says nothing', async () => {
    bench.orket.lie('act-empty');
    const ended = await bench.all(REQUESTS);
    expect(outcomes(ended)).toEqual(allOf(REQUESTS, 'not-seen'));
    for (const [what, { summary }] of ended)
      expect(summary, what).toMatch(/^not seen in|printed null for|takes unsigned requests/);
  });

  it('times out when no answer comes', async () => {
    bench.orket.lie('act-hang');
    const ended = await bench.all(REQUESTS, { runMs: 60 });
    expect(outcomes(ended)).toEqual(allOf(REQUESTS, 'timed-out'));
    for (const [what, { summary }] of ended) expect(summary, what).toContain('no answer in');
  });

  it('is unknown when the connection breaks before an answer, and its item is left alone until somebody settles it', async () => {
    bench.orket.lie('act-broken');
    const each = REQUESTS.filter(([act]) => act !== 'approval.deny');
    const ended = await bench.all(each);
    expect(outcomes(ended)).toEqual(allOf(each, 'unknown'));
    const other = bench.act(['approval.deny', 'approval', 'b46c22b1']);
    await expect(other).rejects.toThrow(/its outcome is unknown/);
  });
});

describe('an act that was half done', () => {
  const bench = new Bench();
  const { orket } = bench;
  beforeAll(() => served(bench));
  afterAll(() => bench.end());

  it('over HTTP: says how many of how many rows are archived, and an answer that is lost loses nothing', async () => {
    orket.lie('archive-half');
    expect(await orket.act('run.archive', 'run', 'ee07f2ab', { inVain: true })).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('1 of 2, still open: SAND-2'),
    });
    orket.lie('act-lost');
    expect(await orket.act('run.archive', 'run', 'ee07f2ab')).toMatchObject({
      outcome: 'verified',
      summary: expect.stringMatching(/^seen: all 2 rows say archived.*; the program: /),
    });
    orket.lie();
  });

  it('a restart that ends the old server and can not start the new one has failed, and the server is down', async () => {
    orket.settings = { ...orket.settings, python: join(orket.home, 'no-python') } as object;
    for (const id of ['api', 'webhook']) {
      const ended = await orket.act('service.restart', 'service', id, { inVain: true });
      expect(ended).toMatchObject({
        outcome: 'failed',
        summary: expect.stringMatching(/ENOENT/),
        answer: { ok: false, summary: expect.stringMatching(/; done before that: end pid \d+, /) },
      });
      expect((await orket.look()).entity('service', id)?.status).toBe('down');
    }
  });

  it('related cards: names those that are still open', async () => {
    orket.settings = { ...orket.settings, python: bench.python } as object;
    orket.lie('archive-half');
    const params = { words: 'reef\nkelp beds' };
    expect(await orket.act('cards.archive', 'service', 'orket', { params, inVain: true })).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('1 of 3, still open: REEF-1, REEF-2'),
    });
  });
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

/** A systemctl with one unit whose state stands in a file beside it; what it does when asked for more is `deed`. */
function systemctl(home: string, deed: string): void {
  const path = join(home, 'systemctl');
  writeFileSync(
    path,
    `#!/bin/sh
case "$*" in
  *show*) printf 'ActiveState=%s\\nMainPID=0\\nActiveEnterTimestamp=@1700000000\\n' "$(cat '${home}/unit')" ;;
  *) ${deed} ;;
esac
`,
  );
  chmodSync(path, 0o755);
}

describe('a server that systemd keeps', () => {
  const bench = new Bench();
  const { home } = bench.orket;
  const unit = (state: string): void => writeFileSync(join(home, 'unit'), state);
  const doing = { start: 'inactive', restart: 'active', stop: 'active' } as const;
  beforeAll(async () => {
    await bench.lay({ keeper: 'systemd:orket-api.service', webhookKeeper: 'systemd:orket-hook.service' });
    unit('active');
    systemctl(home, 'exit 0');
    bench.orket.programs = { systemctl: join(home, 'systemctl') };
    await bench.watch();
  });
  afterAll(() => bench.end());

  it.each([
    ['refuses', "echo 'Access denied' >&2; exit 4", 'failed', /^exit 4: Access denied; not seen in/],
    ['says nothing and does nothing', 'exit 0', 'not-seen', /^not seen in/],
    ['never comes back', 'exec sleep 600', 'timed-out', /was killed; not seen in/],
  ] as const)(
    'is not called started, restarted or stopped when systemctl %s',
    async (_what, deed, outcome, why) => {
      systemctl(home, deed);
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
    },
  );

  it('has not been restarted when it was stopped and did not come up again, though systemctl exits 0', async () => {
    systemctl(home, `echo failed > '${home}/unit'`);
    unit('active');
    const ended = await bench.orket.act('service.restart', 'service', 'api', { inVain: true });
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('its keeper says that it is up anew'),
    });
    expect((await bench.orket.look()).entity('service', 'api')?.status).toBe('down');
  });
});
