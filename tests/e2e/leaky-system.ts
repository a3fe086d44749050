/**
 * A system that tells its secrets wherever it can: in what it logs, in names of files and jobs, in questions and plans, in
 * what its programs print, in what its server answers and in errors. Described in `binnacle.yaml`, with real stand-ins.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { keyLine, privateKey, shapes, written } from '../acts/secret-shapes.ts';
import { temporaryDirectory } from './cockpit.ts';

/** Values without a shape, known from the environment and from the env-file. */
const FROM_ENVIRONMENT = 'blue heron/over+the 3 locks';
const FROM_FILE = 'quiet-tide-marker-52';

/** Each form a known value is met in: what to look for, and the text it stands in. */
const KNOWN = [
  ...formsOf('from the environment', FROM_ENVIRONMENT),
  ...formsOf('from the env-file', FROM_FILE),
];

function formsOf(
  name: string,
  value: string,
): readonly { readonly name: string; readonly needle: string; readonly text: string }[] {
  const alone = Buffer.from(value).toString('base64');
  const behind = Buffer.from(`user:${value}`).toString('base64');
  const [inUrl, inHex] = [encodeURIComponent(value), Buffer.from(value).toString('hex')];
  return [
    { name, needle: value, text: value },
    // The last characters may carry bits of what follows, the first of what is before.
    { name: `${name}, in base64`, needle: alone.slice(0, -4), text: alone },
    { name: `${name}, in base64 behind a user`, needle: behind.slice(8, -4), text: behind },
    { name: `${name}, in an address`, needle: inUrl, text: inUrl },
    { name: `${name}, in hexadecimal`, needle: inHex, text: inHex },
  ];
}

/** Everything that must be nowhere, by name. */
export const SECRETS: readonly (readonly [string, string])[] = [
  ...shapes,
  ...written.map(({ name, secret }) => [name, secret] as const),
  ...KNOWN.map(({ name, needle }) => [name, needle] as const),
  ['private key', keyLine],
];

/** One line for each secret, each with a number to find it by. */
export const LINES: readonly string[] = [
  ...shapes.map(([, secret]) => `got ${secret} from the vault`),
  ...written.map(({ line }) => line),
  ...KNOWN.map(({ text }) => `it is ${text} here`),
].map((line, index) => `leak-${index} ${line}`);

/** Names of the secrets that are in the text, whole or their last half. */
export function leaksIn(text: string | Buffer): readonly string[] {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  return SECRETS.filter(([, secret]) => {
    const half = secret.slice(-Math.max(10, Math.ceil(secret.length / 2)));
    return bytes.includes(secret) || bytes.includes(half);
  }).map(([name]) => name);
}

/** Leaks in the files below these directories, with the name of the file; names of files count as well. */
export function leaksBelow(...directories: readonly string[]): readonly string[] {
  return directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
      const path = join(directory, name);
      const content = statSync(path).isFile() ? readFileSync(path) : '';
      return [...leaksIn(content), ...leaksIn(name)].map((leak) => `${path}: ${leak}`);
    }),
  );
}

export interface LeakySystem {
  readonly args: readonly string[];
  readonly state: string;
  /** Its environment, with a secret in it. */
  readonly env: Readonly<Record<string, string>>;
  /** What the program of a hook was given. */
  readonly told: string;
  /** Bodies the server was sent by hooks. */
  readonly posted: readonly string[];
  /** A configuration with a mistake beside a secret. */
  readonly wrongConfig: string;
  /** Lets something fatal begin, its text full of secrets. */
  break(): void;
  close(): Promise<void>;
}

export async function layOutLeaks(): Promise<LeakySystem> {
  const home = temporaryDirectory('e2e-secrets');
  const root = join(home.path, 'root');
  const state = join(home.path, 'state');
  for (const path of [state, join(root, 'bin'), join(root, 'logs'), join(root, 'state')])
    mkdirSync(path, { recursive: true });
  const [, token] = shapes[1] ?? ['', ''];
  const [, inName] = shapes[3] ?? ['', ''];
  const everything = LINES.join('\n');
  const wholeKey = privateKey.join('\n');

  writeFileSync(join(root, 'leaks.txt'), `${wholeKey}\n${everything}\n`);
  writeFileSync(join(root, '.env'), `SERVICE_TOKEN='${FROM_FILE}'\n`);
  const time = (index: number): string => `2026-11-20T03:14:${String(index).padStart(2, '0')}Z INFO`;
  const colour = `${token.slice(0, 12)}\x1b[31m${token.slice(12)}\x1b[0m`;
  const log = [
    ...LINES.map((line, index) => `${time(index)} ${line}`),
    `${time(58)} leak-colour ${colour} end`,
    `${time(58)} leak-key ${JSON.stringify({ [token]: 1 })}`,
    ...privateKey.map((line) => `${time(59)} ${line}`),
    `${time(59)} leak-end`,
  ];
  writeFileSync(join(root, 'logs', 'app.log'), `${log.join('\n')}\n`);
  writeFileSync(join(root, 'logs', `${inName}.log`), `${time(1)} ERROR leak-file ${token}\n`);
  const board = (isBroken: boolean): void => {
    const path = join(root, 'state', 'board.json');
    const jobs = [
      { id: 'j1', name: 'leaky job', state: 'ERR', error: LINES.join(' ; ') },
      { id: token, name: `named ${token}`, state: 'ERR', error: `its name is ${token}` },
    ];
    const asks = [
      { id: 'q1', name: 'leaky question', question: LINES.join(' '), plan: `${everything}\n${wholeKey}` },
    ];
    const issues = isBroken ? [{ id: 'mill', name: `mill stands: ${token}`, text: everything }] : [];
    writeFileSync(`${path}.new`, JSON.stringify({ jobs, asks, issues }));
    renameSync(`${path}.new`, path);
  };
  board(false);

  const script = (name: string, body: string): string => {
    const path = join(root, 'bin', name);
    writeFileSync(path, `#!${process.execPath}\n${body}`);
    chmodSync(path, 0o755);
    return path;
  };
  // Prints everything on both streams, one token in two pieces with a pause between, and puts the job back.
  script(
    'retry',
    `const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const text = readFileSync('leaks.txt', 'utf8');
process.stdout.write('key ' + process.env.SERVICE_TOKEN + '\\n' + text);
process.stderr.write(text);
const board = JSON.parse(readFileSync('state/board.json', 'utf8'));
board.jobs[0].state = 'RUN';
writeFileSync('state/board.json.n', JSON.stringify(board));
renameSync('state/board.json.n', 'state/board.json');
process.stdout.write('split ${token.slice(0, 20)}', () => setTimeout(() => process.stdout.write('${token.slice(20)} end'), 30));
`,
  );
  script(
    'probe',
    `process.stderr.write(require('node:fs').readFileSync('leaks.txt', 'utf8')); process.exitCode = 3;`,
  );
  const told = join(home.path, 'told');
  const page = script(
    'page',
    `const { appendFileSync, readFileSync } = require('node:fs');
appendFileSync(${JSON.stringify(told)}, readFileSync(0));
process.stderr.write(readFileSync(${JSON.stringify(join(root, 'leaks.txt'))}, 'utf8'));
process.exitCode = 1;`,
  );

  const posted: string[] = [];
  const server = createServer((request: IncomingMessage, answer: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      if (request.url?.startsWith('/hook')) posted.push(body);
      const echo = `${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`;
      answer.writeHead(500, `No ${token}`, { 'content-type': 'text/plain' }).end(`${echo}\n${everything}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const header = { name: 'Authorization', env: 'LOCK_SECRET', prefix: 'Bearer ' };
  const act = (id: string, step: object, within = '20s'): object => ({
    id,
    title: 'Retry job',
    does: 'puts the job back',
    risk: 'reversible',
    applies: { type: 'job', status: ['failed', 'running'] },
    params: [{ name: 'note', title: 'Note', required: false }],
    steps: [step],
    expect: [{ stage: 'started', status: ['running'], within }],
  });
  const kind = {
    title: 'Leaky',
    recognise: ['state/board.json'],
    sources: {
      board: { type: 'document', glob: 'state/board.json' },
      app: {
        type: 'log',
        glob: 'logs/*.log',
        format: 'text',
        pattern: '^(?<time>\\S+) (?<level>\\w+) (?<message>.*)$',
      },
      api: { type: 'http', path: '/state', 'secret-header': header },
      check: { type: 'probe', argv: ['./bin/probe'], every: '1h' },
    },
    entities: [
      {
        type: 'job',
        from: 'board',
        each: 'jobs',
        id: 'id',
        title: '{name}',
        status: { field: 'state', map: { RUN: 'running', ERR: 'failed' } },
        attention: [
          { when: {}, rank: 3, label: 'FAILED', why: '{error}', act: 'job.retry', playbook: 'put-back' },
        ],
      },
      {
        type: 'approval',
        from: 'board',
        each: 'asks',
        id: 'id',
        title: '{name}',
        ask: 'approve',
        question: '{question}',
        payload: { form: 'plan', text: '{plan}' },
        decisions: ['plan.approve'],
        attention: [{ when: {}, rank: 3, label: 'APPROVE', why: '{question}' }],
      },
      {
        type: 'issue',
        from: 'board',
        each: 'issues',
        id: 'id',
        title: '{name}',
        severity: { field: 'bad', map: {}, default: 'fatal' },
        summary: '{text}',
        attention: [{ when: {}, rank: 2, label: 'FATAL', why: '{text}' }],
      },
    ],
    acts: [
      act('job.retry', { type: 'run', argv: ['bin/retry'], 'secret-env': ['SERVICE_TOKEN'] }),
      act(
        'job.send',
        {
          type: 'http',
          method: 'POST',
          path: '/retry',
          body: { note: '{params.note}' },
          'secret-header': header,
        },
        '1s',
      ),
      {
        ...act('plan.approve', { type: 'run', argv: ['bin/retry'], 'secret-env': ['SERVICE_TOKEN'] }),
        applies: { type: 'approval' },
        expect: [{ stage: 'done', gone: true, within: '1s' }],
      },
    ],
    playbooks: [
      {
        id: 'put-back',
        title: 'Put it back',
        steps: [
          { type: 'note', text: 'look at it' },
          { type: 'act', text: 'retry it', act: 'job.retry' },
        ],
      },
    ],
  };
  // Keys in addresses, as nobody should write them. Orders of such a system would hold them: it has no acts.
  const spilled = {
    title: 'Spilled',
    recognise: ['state/board.json'],
    sources: {
      api: { type: 'http', path: `${url}/state?access_token=${token}` },
      gone: { type: 'http', path: `http://127.0.0.1:1/x?token=${token}` },
    },
    entities: [],
  };
  const hooks = [
    { on: ['fatal'], do: 'osc9' },
    { on: ['fatal'], do: { program: [page] } },
    { on: ['fatal'], do: { webhook: `${url}/hook`, 'secret-header': header } },
  ];
  const config = join(home.path, 'binnacle.yaml');
  const wrongConfig = join(home.path, 'wrong.yaml');
  const systems = [
    { kind: 'leaky', root, url, 'env-file': '.env' },
    { kind: 'spilled', root },
  ];
  writeFileSync(config, JSON.stringify({ kinds: { leaky: kind, spilled }, systems, hooks }));
  writeFileSync(
    wrongConfig,
    JSON.stringify({ systems: [{ kind: token, root, url: `https://u:${written[5]?.secret}@h` }] }),
  );

  return {
    args: ['-C', config],
    state,
    env: {
      BINNACLE_STATE_DIR: state,
      BINNACLE_HOST_DIR: '',
      HOME: home.path,
      LOCK_SECRET: FROM_ENVIRONMENT,
      // Nothing of this host comes in between.
      TMUX: '',
    },
    told,
    posted,
    wrongConfig,
    break: () => board(true),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      home.remove();
    },
  };
}
