/** A described system whose every text is hostile: lines, ids, titles, names of files and of fields, errors. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './cockpit.ts';

const kind = {
  title: 'Hostile',
  recognise: ['board.json'],
  sources: {
    board: { type: 'document', glob: 'board.json' },
    bad: { type: 'document', glob: 'bad/*' },
    app: { type: 'log', glob: 'app.log', format: 'json', message: 'msg', origin: 'who', keys: ['job'] },
    raw: { type: 'log', glob: 'raw/*' },
  },
  entities: [
    {
      type: 'job',
      from: 'board',
      each: 'jobs',
      id: '{key}',
      title: '{name}',
      status: { field: 'state', map: { ERR: 'failed' } },
      attention: [{ when: { status: ['failed'] }, rank: 2, label: 'FATAL', why: 'failed: {error}' }],
    },
  ],
};

export interface HostileSystem {
  readonly args: readonly string[];
  readonly state: string;
  remove(): void;
}

/**
 * Lays it out: each text as a line of a JSON log, a raw line of a file that is named so, and, where `items` says so, as id
 * (a key of a mapping), title and error of a job, and name of a document that can't be read.
 */
export function layOutHostile(texts: readonly string[], items = true): HostileSystem {
  const home = temporaryDirectory('e2e-hostile');
  const root = join(home.path, 'root');
  for (const directory of ['raw', 'bad']) mkdirSync(join(root, directory), { recursive: true });
  const lines = texts.map((text) => JSON.stringify({ msg: text, who: text, job: text, [text]: text }));
  writeFileSync(join(root, 'app.log'), `${lines.join('\n')}\n`);
  writeFileSync(join(root, 'raw', 'all'), `${texts.join('\n')}\n`);
  const jobs = Object.fromEntries(
    (items ? texts : []).map((text) => [text, { name: text, state: 'ERR', error: text, [text]: text }]),
  );
  writeFileSync(join(root, 'board.json'), JSON.stringify({ jobs }));
  if (items)
    for (const text of texts) {
      const name = text.replaceAll(/[/\0]/g, '_');
      if (name === '.' || name === '..') continue;
      writeFileSync(join(root, 'raw', name), `${text}\n`);
      writeFileSync(join(root, 'bad', name), text);
    }
  const config = join(home.path, 'binnacle.yaml');
  writeFileSync(config, JSON.stringify({ kinds: { hostile: kind }, systems: [{ kind: 'hostile', root }] }));
  return { args: ['-C', config], state: join(home.path, 'state'), remove: home.remove };
}
