import { afterEach, describe, expect, it } from 'vitest';
import { addMs } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import type { CallName, RequestOf } from '../../src/engine/protocol.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { at, coherence } from '../views/sample-state.ts';
import { openScreen, type TestScreen, type TestScreenOptions } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

const texts = [
  'answered status=200 in 12 ms',
  'answered status=500 in 30000 ms',
  'disk full on /var',
  '{"event":"retry","attempt":3}',
];

/** Four kinds of lines in turn, one a second, the last but one of each four an error. */
function rows(count: number): LogRow[] {
  return Array.from({ length: count }, (_, index) => {
    const time = addMs(at('03:00:00'), index * 1000);
    return {
      id: `r${index + 1}`,
      system: coherence,
      source: index % 2 === 0 ? 'api' : 'monitor',
      path: index % 2 === 0 ? 'logs/api.log' : 'logs/monitor.log',
      offset: index * 80,
      at: time,
      sortAt: time,
      form: 'log',
      level: index % 4 === 2 ? 'error' : 'info',
      text: `${texts[index % 4]}`,
      ...(index % 10 === 0 ? { keys: ['run-5'] } : {}),
    } satisfies LogRow;
  });
}

async function open(options: TestScreenOptions & { readonly count?: number } = {}): Promise<FakeEngine> {
  const engine = options.engine ?? new FakeEngine();
  engine.rows = rows(options.count ?? 400);
  screen = await openScreen({ columns: 100, rows: 30, ...options, engine });
  await screen.press('6', 'L');
  return engine;
}

/** The sheet alone, without the first rows and the footer. */
function sheet(): string {
  const lines = screen.rows();
  const first = lines.findIndex((line) => line.startsWith('='));
  return lines
    .slice(first, -1)
    .filter((line) => line !== '')
    .join('\n');
}

async function filter(text: string): Promise<void> {
  await screen.press('&');
  await screen.type(text);
  await screen.press('enter');
}

describe('the stack of filters', () => {
  it('is listed with the number of rows of each, and offers what the row under the cursor has', async () => {
    await open();
    await filter('status=500');
    await filter('!in 12');
    await screen.press('k', '&', 'enter');
    expect(sheet()).toMatchInlineSnapshot(`
      "=Filters of the log ================================================================== 100 rows pass
      >[x] in           100  status=500
       [x] out          100  in 12
       from the line under the cursor:
           + info+
           + system coherence
           + source monitor
           + file logs/monitor.log
           + status=500
       & types one: text, expression, !text out, level:error system:S source:S file:F run:ID field:name=.."
    `);
  });

  it('is switched, turned round, ordered and taken off in place', async () => {
    const engine = await open();
    await filter('status=500');
    await filter('level:error');
    const wanted = (): unknown => engine.of('page').at(-1)?.query.filter;
    expect(screen.frame()).toContain('no row passes the filters');
    await screen.press('&', 'enter', 'enter');
    expect(sheet()).toContain('>[ ] in');
    expect(wanted()).toEqual([{ is: 'level', least: 'error' }]);
    await screen.press('enter', 'o');
    expect(wanted()).toEqual([
      { is: 'text', text: 'status=500', ignoreCase: true, out: true },
      { is: 'level', least: 'error' },
    ]);
    await screen.press('J');
    expect(wanted()).toEqual([
      { is: 'level', least: 'error' },
      { is: 'text', text: 'status=500', ignoreCase: true, out: true },
    ]);
    await screen.press('d');
    expect(wanted()).toEqual([{ is: 'level', least: 'error' }]);
    await screen.press('escape');
    expect(screen.frame()).toContain('all (L: this item) &error+ ');
    expect(screen.snapshot().log.total).toBe(100);
    await screen.press('escape');
    expect(wanted()).toBeUndefined();
  });

  it('takes system, source, file, run, level and field, typed or from the row', async () => {
    const engine = await open();
    await filter('file:api.log');
    await filter('field:status=200');
    await filter('run:run-5');
    await filter('/^answered/');
    expect(engine.of('page').at(-1)?.query.filter).toEqual([
      { is: 'log', logs: ['logs/api.log'] },
      { is: 'field', name: 'status', value: '200' },
      { is: 'about', keys: ['run-5'] },
      { is: 'match', pattern: '/^answered/' },
    ]);
    await screen.press('escape', 'g', '&', 'enter', 'j', 'j', 'j', 'j', 'enter');
    expect(engine.of('page').at(-1)?.query.filter?.at(-1)).toEqual({ is: 'about', keys: ['run-5'] });
    await screen.press('j', 'j', 'o');
    expect(engine.of('page').at(-1)?.query.filter?.at(-1)).toMatchObject({ out: true });
  });

  it('shows lines around each one that passes, marked as such', async () => {
    await open();
    await filter('disk full');
    await screen.press('&', 'enter', '+', '+', '-', 'escape');
    expect(screen.snapshot().log.query).toMatchObject({ context: 1 });
    expect(screen.frame()).toContain('&disk full +-1 ');
    expect(screen.rows().some((row) => row.startsWith('.03:') && row.includes('answered'))).toBe(true);
  });

  it('counts slice by slice, tells how far it is, and stops when the list is left', async () => {
    const engine = new SlowEngine();
    await open({ engine });
    await filter('disk');
    engine.slices = 3;
    await screen.press('&', 'enter');
    expect(sheet()).toContain('100 ... rows pass');
    engine.goOn();
    await screen.wait(50);
    expect(sheet()).toContain('200 ... rows pass');
    const asked = engine.of('count').length;
    await screen.press('escape');
    expect(engine.given).toBeGreaterThan(0);
    engine.goOn();
    await screen.wait(50);
    expect(engine.of('count').length).toBe(asked);
  });
});

/** An engine whose counts come in slices, one whenever it is told to go on. */
class SlowEngine extends FakeEngine {
  slices = 1;
  /** Calls that were given up. */
  given = 0;
  #waiting: (() => void)[] = [];

  goOn(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  override async call<C extends CallName>(
    name: C,
    request: RequestOf<C>,
    signal?: AbortSignal,
  ): Promise<never> {
    const answer = (await super.call(name, request)) as never;
    if (name !== 'count' || this.slices === 1) return answer;
    const { from = '0' } = request as RequestOf<'count'>;
    const next = Number(from) + 1;
    if (next > 1) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        signal?.addEventListener('abort', () => {
          this.given += 1;
          reject(new Error('given up'));
        });
      });
    }
    const share = next / this.slices;
    return { hits: 100, share, ...(next < this.slices ? { next: String(next) } : {}) } as never;
  }
}

describe('searches with a name', () => {
  it('are named, counted, marked in every row by name, walked and forgotten', async () => {
    await open();
    await screen.press('/');
    await screen.type('disk full');
    await screen.press('enter', '*');
    expect(sheet()).toContain('>/            100  disk full  (Enter gives it a name)');
    await screen.press('enter');
    await screen.type('disk');
    await screen.press('enter');
    expect(sheet()).toContain('>[x]          100  [disk] disk full');
    await screen.press('escape', 'escape');
    expect(screen.rows().some((row) => row.includes('[disk] ERROR disk full on /var'))).toBe(true);
    await screen.press('*', 'space', 'escape');
    expect(screen.frame()).not.toContain('[disk]');
    await screen.press('*', 'enter', 'n');
    expect(screen.snapshot().desk.search).toMatchObject({ pane: 'logs', text: 'disk full' });
    await screen.press('*', 'd', 'escape');
    expect(screen.snapshot().desk.log.searches).toEqual([]);
  });

  it('need a name', async () => {
    await open();
    await screen.press('/');
    await screen.type('disk');
    await screen.press('enter', '*', 'enter', 'enter');
    expect(screen.frame()).toContain('a name is needed');
  });
});

describe('a search', () => {
  it.each(['escape', 'ctrl-c'])('that takes long says so, and %s ends it at once', async (key) => {
    const engine = new StuckEngine();
    await open({ engine });
    await screen.press('/');
    await screen.type('nowhere');
    await screen.press('enter');
    expect(screen.frame()).toContain('looking for "nowhere" ... (Esc stops)');
    await screen.press(key);
    expect(engine.givenUp).toBe(true);
    expect(screen.frame()).not.toContain('looking for');
    expect(screen.frame()).not.toContain('again quits');
    expect(screen.snapshot().desk.search?.text).toBe('nowhere');
  });
});

/** An engine that finds nothing until it is given up. */
class StuckEngine extends FakeEngine {
  givenUp = false;

  override call<C extends CallName>(name: C, request: RequestOf<C>, signal?: AbortSignal): Promise<never> {
    if (name !== 'find') return super.call(name, request) as Promise<never>;
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        this.givenUp = true;
        reject(new Error('given up'));
      });
    });
  }
}

describe('remembered lines', () => {
  it('are listed where there are several, gone to, forgotten', async () => {
    await open();
    await screen.press('g', 'm', 'j', 'j', 'm', 'G', "'");
    expect(sheet()).toMatchInlineSnapshot(`
      "=Lines remembered ================================================================================ 2
      >' 2026-02-21 03:00:00 coherence logs/api.log  answered status=200 in 12 ms
       ' 2026-02-21 03:00:02 coherence logs/api.log  disk full on /var"
    `);
    await screen.press('j', 'enter');
    expect(screen.snapshot().log.selected).toBe('r3');
    await screen.press("'", 'd', 'escape');
    expect(screen.snapshot().desk.log.bookmarks).toMatchObject([{ offset: 160 }]);
    await screen.press('m');
    expect(screen.snapshot().desk.log.bookmarks).toEqual([]);
  });

  it('are found after a restart by where they were written, though rows have other names then', async () => {
    await open();
    await screen.press('g', 'j', 'j', 'm', '/');
    await screen.type('retry');
    await screen.press('enter', '*', 'enter');
    await screen.type('again');
    await screen.press('enter');
    const remembered = screen.kept.at(-1) ?? expect.fail('nothing was kept');
    screen.close();
    // One that has the name of the remembered row now, and is another.
    const engine = new FakeEngine();
    engine.rows = rows(2000).map((row, index) => ({ ...row, id: `r${(index + 5) % 2000}` }));
    screen = await openScreen({ columns: 100, rows: 30, engine, remembered });
    await screen.press('6', 'L', "'");
    expect(screen.snapshot().log.selected).toBe('r7');
    const shown = screen.rows().filter((row) => /^[>'].*(disk full|retry)/.test(row));
    expect(shown).toEqual([expect.stringMatching(/^>03:00:02 +api.log +ERROR disk full/)]);
    expect(screen.frame()).toContain('[again] {"event":"retry"');
    await screen.press('j');
    expect(screen.rows().filter((row) => row.startsWith("'"))).toHaveLength(1);
    await screen.press('L', '&');
    await screen.type('level:error');
    await screen.press('enter', 'L', '&');
    await screen.type('!disk');
    await screen.press('enter', "'");
    expect(screen.frame()).toContain('that line is not in this view: here is its time');
  });

  it('and named searches are kept as they change', async () => {
    await open();
    await screen.press('g', 'm');
    expect(screen.kept.at(-1)).toMatchObject({
      version: 2,
      bookmarks: [{ path: 'logs/api.log', offset: 0, text: 'answered status=200 in 12 ms' }],
    });
  });
});

describe('the fields of a line', () => {
  it('are listed, stand as columns when chosen, and filter by their value', async () => {
    const engine = await open();
    await screen.press('k', 'k', 'k', 'x');
    expect(sheet()).toMatchInlineSnapshot(`
      "=Fields of this line ===============================================================================
      >[ ] .system                        coherence
       [ ] .source                        api
       [ ] .file                          logs/api.log
       [ ] .place                         logs/api.log@31680
       [ ] status                         200
       Names with a dot before them are known of the line, the others stand in it"
    `);
    await screen.press('G', 'enter', 'escape');
    expect(screen.rows().find((row) => row.startsWith('>03:'))).toContain('status=');
    await screen.press('x', 'G', 'i', 'escape');
    expect(engine.of('page').at(-1)?.query.filter).toEqual([{ is: 'field', name: 'status', value: '200' }]);
  });
});

describe('rows that are marked', () => {
  it('are a range beyond what is loaded, written to a file that is named', async () => {
    const written: string[] = [];
    await open({
      count: 1200,
      host: {
        saveText: (name, suffix, text) => {
          written.push(text);
          return `/state/${name}-1.${suffix}`;
        },
      },
    });
    await screen.press('g', 'v', 'G', 'v');
    expect(screen.snapshot().desk.marks.size).toBe(1200);
    await screen.press('c', 'f');
    expect(screen.frame()).toContain('1200 rows written to /state/log-1.txt');
    const lines = written[0]?.split('\n') ?? [];
    expect(lines).toHaveLength(1200);
    expect(lines[2]).toBe('2026-02-21T03:00:02.000Z coherence logs/api.log@160 ERROR disk full on /var');
    expect(screen.snapshot().desk.marks.size).toBe(0);
  });

  it('are copied whole', async () => {
    await open();
    await screen.press('g', 'space', 'j', 'space', 'c', 'l');
    expect(screen.host.copied.at(-1)?.split('\n')).toHaveLength(2);
    await screen.press('escape', 'c', 'l');
    expect(screen.host.copied.at(-1)).toBe('answered status=500 in 30000 ms');
  });
});

describe('all lines around one', () => {
  it('stand beside the filtered ones on a wide screen, both cursors on the same line', async () => {
    await open({ columns: 170, rows: 30, count: 40 });
    await filter('disk full');
    await screen.press('z', 'k', 'k', '.');
    const body = screen.rows().slice(2, -1);
    expect(body.slice(0, 12).join('\n')).toMatchInlineSnapshot(`
      "=6 Logs + changes, all (L: this item) &disk full ===================================================================== still (F follows)  2/s  unread 0 B  bad 0  lag 0.1s
      - filtered -------------------------------------------------------------------------|- all lines -------------------------------------------------------------------------
       03:00:02     api.log          ERROR disk full on /var                              | 03:00:14     api.log          ERROR disk full on /var
       03:00:06     api.log          ERROR disk full on /var                              | 03:00:15     monitor.log      {"event":"retry","attempt":3}
       03:00:10     api.log          ERROR disk full on /var                              | 03:00:16     api.log          answered status=200 in 12 ms
       03:00:14     api.log          ERROR disk full on /var                              | 03:00:17     monitor.log      answered status=500 in 30000 ms
       03:00:18     api.log          ERROR disk full on /var                              | 03:00:18     api.log          ERROR disk full on /var
       03:00:22     api.log          ERROR disk full on /var                              | 03:00:19     monitor.log      {"event":"retry","attempt":3}
       03:00:26     api.log          ERROR disk full on /var                              | 03:00:20     api.log          answered status=200 in 12 ms
      >03:00:30     api.log          ERROR disk full on /var                              | 03:00:21     monitor.log      answered status=500 in 30000 ms
       03:00:34     api.log          ERROR disk full on /var                              | 03:00:22     api.log          ERROR disk full on /var
       03:00:38     api.log          ERROR disk full on /var                              | 03:00:23     monitor.log      {"event":"retry","attempt":3}"
    `);
    await screen.press('k');
    const { log, logs } = screen.snapshot();
    expect(logs.full?.selected).toBe(log.selected);
    await screen.press('.');
    expect(screen.snapshot().logs.full).toBeUndefined();
  });

  it('stand below them on a narrow one when the pane is alone', async () => {
    await open({ columns: 80, rows: 24, count: 40 });
    await filter('disk full');
    await screen.press('k', '.');
    expect(screen.frame()).toContain('context: filters aside (. back)');
    await screen.press('z');
    expect(screen.frame()).toContain('- all lines ---');
    expect(screen.rows().filter((row) => row.startsWith('>'))).toHaveLength(2);
  });
});

describe('the run that is walked', () => {
  it('has its lines marked, and those without an id between them', async () => {
    await open({ count: 60 });
    await screen.press('z', 'g', 'o', 'o');
    expect(screen.snapshot().log.selected).toBe('r21');
    const signs = screen.rows().filter((row) => /^[|:>]03:00/.test(row));
    expect(signs.some((row) => row.startsWith('|03:00:10'))).toBe(true);
    expect(signs.some((row) => row.startsWith(':03:00:12'))).toBe(true);
  });

  it('goes on in what the view shows, and tells of a line that it does not', async () => {
    await open({ count: 60 });
    await filter('answered status=200');
    await screen.press('g', 'o');
    expect(screen.snapshot().log.selected).toBe('r21');
    await screen.press('o', 'o');
    expect(screen.snapshot().log.selected).toBe('r41');
    expect(screen.frame()).toContain('the next line of the run below is not in this view: 03:00:50');
  });
});
