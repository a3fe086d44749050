/** Each act that starts a program or sends a request, with the ways it may fail: refused, nothing, no end, half. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, until } from '../acting.ts';
import { allOf, Bench, type Given, KEY, outcomes } from './bench.ts';

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
    await until(() => bench.view().entity('turn', '5a5e0001:sane-1:1:coder') !== undefined);
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
    const ended: (readonly [string, Ended])[] = [];
    for (const given of LET_GO) {
      // What was let go bears the server's name until it is `sleep`: a look at that moment sees the server.
      await until(async () => {
        await bench.refresh();
        return !bench
          .view()
          .entities('service')
          .some(({ data }) => typeof data?.['pid'] === 'number');
      });
      ended.push(...(await bench.all([given])));
    }
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

describe('where the API is the only way', () => {
  const bench = new Bench();
  beforeAll(() => served(bench));
  afterAll(() => bench.end());

  describe('an act through the API', () => {
    const log = (): string => readFileSync(join(bench.orket.dir, 'workspace/default/orket.log'), 'utf8');
    let before: readonly string[] = [];
    let lines = '';
    beforeAll(async () => {
      await bench.watch();
      await until(() => {
        const gate = bench.view().entity('approval', 'b46c22b1');
        return (
          gate?.answerable === true && bench.view().entity('turn', '5a5e0001:sane-1:1:coder') !== undefined
        );
      });
      before = statesIn(bench);
      lines = log();
    });
    afterEach(async () => {
      bench.orket.lie();
      await bench.refresh();
      expect(statesIn(bench)).toEqual(before);
      expect(log()).toBe(lines);
    });

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
      const asking = ['turn.fetch', 'webhook.probe'];
      const each = REQUESTS.filter(([act]) => act !== 'approval.deny');
      const ended = await bench.all(each);
      // What only asks has left nothing behind: it failed, and may be sent again.
      const outcomeOf = (act: string): string => (asking.includes(act) ? 'failed' : 'unknown');
      expect(outcomes(ended)).toEqual(each.flatMap((one) => allOf([one], outcomeOf(one[0]))));
      const other = bench.act(['approval.deny', 'approval', 'b46c22b1']);
      await expect(other).rejects.toThrow(/its outcome is unknown/);
    });
  });

  describe('an act that was half done', () => {
    const { orket } = bench;

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

    it('turn.replay is done once the program prints the whole turn', async () => {
      orket.lie();
      const [act, type, id] = PROGRAMS[0] as Given;
      expect(await orket.act(act, type, id)).toMatchObject({ outcome: 'verified' });
    });
  });
});
