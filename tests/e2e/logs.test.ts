import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startCockpit, temporaryDirectory } from './cockpit.ts';
import { closeTerminals } from './terminal.ts';

const home = temporaryDirectory('e2e-logs');
afterEach(closeTerminals);
afterAll(() => home.remove());

/** A line of the log, one second after the one before. */
function line(index: number, lvl: string, msg: string): string {
  return `${JSON.stringify({ ts: new Date(Date.UTC(2026, 1, 21, 2, 0, index)).toISOString(), lvl, msg })}\n`;
}

/** A described system with one log; what is watched of it is the log alone. */
function layOut(): { readonly config: string; readonly log: string } {
  const root = join(home.path, 'plant');
  mkdirSync(root, { recursive: true });
  const log = join(root, 'plant.log');
  const lines = Array.from({ length: 1500 }, (_, index) =>
    line(index, index === 700 ? 'ERROR' : 'INFO', `pump=${index % 7} beat ${index}`),
  );
  writeFileSync(log, lines.join(''));
  writeFileSync(join(root, 'plant.json'), '{"pumps": []}');
  const config = join(home.path, 'binnacle.yaml');
  const kind = {
    title: 'Plant',
    sources: {
      state: { type: 'document', glob: 'plant.json' },
      log: { type: 'log', glob: 'plant.log', format: 'json', time: 'ts', level: 'lvl', message: 'msg' },
    },
    entities: [
      { type: 'job', from: 'state', each: 'pumps', id: 'id', title: '{id}', status: { field: 'state' } },
    ],
  };
  // JSON is YAML too.
  writeFileSync(config, JSON.stringify({ kinds: { plant: kind }, systems: [{ kind: 'plant', root }] }));
  return { config, log };
}

describe('the log pane in a terminal, over a real file', () => {
  it('searches, filters, jumps, marks and exports lines that are far above the end', async () => {
    const { config, log } = layOut();
    const state = join(home.path, 'state');
    const terminal = startCockpit({ args: ['-C', config], state, columns: 110, rows: 30 });
    await terminal.waitFor('beat 1499', 20_000);
    await terminal.press('6');
    await terminal.press('E');
    await terminal.waitFor(/^>.*beat 700/m);
    await terminal.press('/');
    terminal.type('beat 12[0-9]$');
    await terminal.press('enter');
    await terminal.waitFor(/^>.*beat 129/m);
    await terminal.waitFor(/\/beat 12\[0-9\]\$ 10 of 10 /);
    await terminal.press('N');
    await terminal.waitFor(/^>.*beat 128/m);
    await terminal.press('v');
    await terminal.press('N');
    await terminal.waitFor(/^>.*beat 127/m);
    await terminal.press('v');
    await terminal.press('c');
    await terminal.press('f');
    await terminal.waitFor('2 rows written to ');
    const path = /written to (\S+)/.exec(terminal.text())?.[1] ?? '';
    expect(readFileSync(path, 'utf8')).toMatch(/beat 127\n.*beat 128\n$/);
    await terminal.press('escape');
    await terminal.press('&');
    terminal.type('field:lvl=ERROR');
    await terminal.press('enter');
    await terminal.waitFor('&lvl=ERROR');
    await terminal.waitGone(/beat 699/);
    await terminal.waitFor('beat 700');
    // A column is a field of the line as it was written, shown or not.
    await terminal.press('x');
    await terminal.waitFor('Fields of this line');
    await terminal.waitFor(/^ \[ \] lvl +ERROR/m);
    await terminal.press('G');
    await terminal.waitFor(/^>\[ \] msg/m);
    await terminal.press('k');
    await terminal.waitFor(/^>\[ \] lvl/m);
    await terminal.press('enter');
    await terminal.waitFor(/^>\[x\] lvl/m);
    await terminal.press('escape');
    await terminal.waitFor(/^>.*lvl=ERROR.*beat 700/m);
    await terminal.press('F');
    await terminal.waitFor('== follow');
    appendFileSync(log, line(3000, 'ERROR', 'the newest'));
    await terminal.waitFor('the newest', 10_000);
    await terminal.press('Q');
    expect(await terminal.exit).toEqual({ code: 0, signal: null });
  });
});
