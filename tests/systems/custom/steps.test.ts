import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepsRefusal } from '../../../src/acts/order.ts';
import type { Params, Step } from '../../../src/domain/act.ts';
import type { Entity, SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { processStartedAt } from '../../../src/host/process-stat.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { customKind } from '../../../src/systems/custom/index.ts';
import type { Located } from '../../../src/systems/system.ts';

const NOW = instant(Date.parse('2026-03-01T03:00:00Z'));
/** Any unit of a text, halves of pairs and control characters too. */
const ANY = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
const located: Located = {
  system: 'it' as SystemId,
  kind: 'it',
  root: '/srv/it',
  url: 'http://127.0.0.1:8000/',
  timezone: 'UTC',
  settings: {},
  extra: { settings: { zone: 'eu' }, programs: { tool: '/usr/bin/tool' } },
};

const descriptionWith = (steps: readonly object[], more: object = {}): object => ({
  title: 'It',
  settings: { zone: { what: 'zone', default: 'eu' } },
  sources: { s: { type: 'document', glob: 'jobs.json' } },
  entities: [
    {
      type: 'job',
      from: 's',
      each: 'jobs',
      id: 'id',
      title: 'job',
      process: { pid: 'pid', recorded: 'written' },
      status: { field: 'state' },
    },
  ],
  acts: [
    {
      id: 'job.poke',
      title: 'Poke',
      does: 'pokes',
      risk: 'costly',
      applies: { type: 'job' },
      params: [{ name: 'note', title: 'note', form: 'lines' }],
      steps,
      expect: [{ stage: 'done', status: ['done'], within: '5s' }],
      ...more,
    },
  ],
});

/** Plans the act on one job, as the cockpit does; the reason where it is off. */
function planned(
  steps: readonly object[],
  record: JsonObject,
  params: Params = { note: 'hello' },
  processes: readonly ProcessInfo[] = [],
): readonly Step[] | string {
  const kind = customKind('it', descriptionWith(steps), 'test');
  const facts = new FactStore(located, kind.parsers);
  facts.setSpecs(kind.sources(located, {}));
  const text = JSON.stringify({ jobs: [record] });
  facts.take({
    type: 'chunk',
    source: 's',
    path: 'jobs.json',
    chunk: { type: 'document', text },
    at: NOW,
    fresh: true,
  });
  const table = { readAt: NOW, processes };
  const { entities } = kind.derive({ located, facts, processes: table, now: NOW });
  const view = stateViewOf(
    located,
    NOW,
    new Map(entities.map((one) => [`${one.type}/${one.id}`, one])),
    {},
    table,
  );
  const [act] = kind.acts;
  const target = entities[0] as Entity;
  const reason = act?.precondition(view, target);
  if (reason !== undefined) return reason;
  try {
    return act?.plan(view, target, params) ?? [];
  } catch (error) {
    return (error as Error).message;
  }
}

describe('steps of a described act', () => {
  it('are what the description says, with values in their places', () => {
    const steps = planned(
      [
        {
          type: 'run',
          argv: ['tool', '--zone={settings.zone}', '--', '{id}', '{note.text}'],
          success: [0, 3],
          timeout: '5s',
          'secret-env': ['KEY'],
        },
        { type: 'run', argv: ['./bin/x', '{params.note}'], cwd: 'work' },
        {
          type: 'http',
          method: 'POST',
          path: '/jobs/{id}/{name}',
          body: { id: '{id}', n: '{count}', say: 'so: {params.note}' },
        },
        { type: 'write', path: 'orders/{id}.txt', text: '{name}\n' },
        { type: 'remove', path: 'locks/{id}' },
        { type: 'service', argv: ['/usr/bin/serve'], log: 'serve.log' },
      ],
      { id: 'j-1', name: 'a/b ?&', count: 7, note: { text: '--after the dashes' } },
    );
    expect(steps).toEqual([
      {
        ...{
          type: 'process',
          title: 'Poke',
          cwd: '/srv/it',
          timeoutMs: 5_000,
          successCodes: [0, 3],
          secretEnv: ['KEY'],
        },
        argv: ['/usr/bin/tool', '--zone=eu', '--', 'j-1', '--after the dashes'],
      },
      {
        type: 'process',
        title: 'Poke',
        cwd: '/srv/it/work',
        timeoutMs: 60_000,
        argv: ['/srv/it/bin/x', 'hello'],
      },
      {
        ...{ type: 'http', title: 'Poke', method: 'POST', timeoutMs: 60_000 },
        url: 'http://127.0.0.1:8000/jobs/j-1/a%2Fb%20%3F%26',
        body: { id: 'j-1', n: 7, say: 'so: hello' },
      },
      { type: 'file', title: 'Poke', path: 'orders/j-1.txt', text: 'a/b ?&\n' },
      { type: 'file', title: 'Poke', path: 'locks/j-1' },
      {
        type: 'service',
        title: 'Poke',
        argv: ['/usr/bin/serve'],
        cwd: '/srv/it',
        outputPath: '/srv/it/serve.log',
      },
    ]);
  });

  it.each<[string, object, JsonObject, Params | undefined, RegExp]>([
    [
      'an option from a record',
      { type: 'run', argv: ['tool', '{name}'] },
      { id: 'a', name: '-rf' },
      undefined,
      /taken for an option/,
    ],
    [
      'an option from an operator',
      { type: 'run', argv: ['tool', '{params.note}'] },
      { id: 'a' },
      { note: '--force' },
      /taken for an option/,
    ],
    [
      'an option as an id',
      { type: 'run', argv: ['tool', '{id}'] },
      { id: '-x' },
      undefined,
      /not passed to a program/,
    ],
    [
      'words for another shell',
      { type: 'run', argv: ['/usr/bin/ssh', 'host', 'tool', '{name}'] },
      { id: 'a', name: 'x; reboot' },
      undefined,
      /not passed to a program that reads/,
    ],
    [
      'words behind sudo',
      { type: 'run', argv: ['/usr/bin/sudo', 'sh', './x.sh', '{name}'] },
      { id: 'a', name: '$(x)' },
      undefined,
      /not passed to a program that reads/,
    ],
    [
      'a way out of an address',
      { type: 'http', method: 'GET', path: '/jobs/{name}' },
      { id: 'a', name: '..' },
      undefined,
      /part of an address/,
    ],
    [
      'a way out of a directory',
      { type: 'write', path: 'x/{name}', text: 't' },
      { id: 'a', name: '../../etc/cron.d/x' },
      undefined,
      /part of a file name/,
    ],
    [
      'a file that is an option',
      { type: 'remove', path: '{name}' },
      { id: 'a', name: '/etc/passwd' },
      undefined,
      /part of a file name/,
    ],
    ['a NUL', { type: 'run', argv: ['tool', '{name}'] }, { id: 'a', name: 'x\0y' }, undefined, /NUL/],
    [
      'a process that is not there',
      { type: 'signal', signal: 'SIGTERM' },
      { id: 'a', pid: 1 },
      undefined,
      /its process is not there/,
    ],
    [
      'a program that is not on PATH',
      { type: 'run', argv: ['nowhere-to-be-found'] },
      { id: 'a' },
      undefined,
      /not on PATH/,
    ],
  ])('%s is refused', (_what, step, record, params, reason) => {
    expect(planned([step], record, params)).toMatch(reason);
  });

  it('a value is one argument or a part of one, whatever it holds', () => {
    const value = fc.oneof(
      fc.string({ unit: ANY, minLength: 1 }),
      fc.constantFrom('-x', '--', '$(id)', '; rm', '"', "'", '{id}', '{params.note}', '\n-x'),
    );
    fc.assert(
      fc.property(value, value, (name, note) => {
        const steps = planned(
          [{ type: 'run', argv: ['tool', '{name}', 'is {name}', '--note={params.note}'] }],
          { id: 'a', name },
          { note },
        );
        if (typeof steps === 'string') return;
        const [step] = steps;
        expect(step?.type === 'process' && step.argv).toEqual([
          '/usr/bin/tool',
          name,
          `is ${name}`,
          `--note=${note}`,
        ]);
        expect(name.startsWith('-')).toBe(false);
        expect(stepsRefusal(steps, { targetId: 'a', params: { note } })).toBeUndefined();
      }),
    );
  });

  it('a signal goes to the process that was written down, and to no later one of its number', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      const pid = child.pid ?? 0;
      const startedAt = processStartedAt(pid) ?? NOW;
      const found: ProcessInfo = {
        pid,
        startedAt,
        parentPid: 1,
        groupId: pid,
        argv: ['x'],
        state: 'S',
        ports: [],
        readsTerminal: false,
      };
      const signal = [{ type: 'signal', signal: 'SIGTERM' }];
      expect(planned(signal, { id: 'a', pid, written: startedAt + 1_000 }, {}, [found])).toEqual([
        { type: 'signal', title: 'Poke', pid, startedAt, signal: 'SIGTERM' },
      ]);
      expect(planned(signal, { id: 'a', pid, written: startedAt - 60_000 }, {}, [found])).toBe(
        'its process is not there',
      );
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('an act whose effect is there already is off', () => {
    expect(planned([{ type: 'remove', path: 'x' }], { id: 'a', state: 'done' })).toBe(
      'becomes done: that is so already',
    );
  });
});

describe('a description that would let values become words', () => {
  it.each<[string, object, object | undefined, string]>([
    [
      'code for a shell',
      { type: 'run', argv: ['sh', '-c', 'retry {id}'] },
      undefined,
      'acts.0.steps.0.argv.2: a value would become a part of a program',
    ],
    [
      'code behind sudo',
      { type: 'run', argv: ['sudo', 'bash', '-lc', 'x {name}'] },
      undefined,
      'argv.3: a value would become',
    ],
    [
      'code for python',
      { type: 'run', argv: ['python3', '-c', 'print("{name}")'] },
      undefined,
      'argv.2: a value would become',
    ],
    ['a program from a record', { type: 'run', argv: ['{name}'] }, undefined, 'argv.0: the program is fixed'],
    ['a program out of the root', { type: 'run', argv: ['../x'] }, undefined, 'argv.0: the program is fixed'],
    [
      'a setting there is not',
      { type: 'run', argv: ['tool', '{settings.nope}'] },
      undefined,
      'there is no setting "nope"',
    ],
    ['two contents', { type: 'write', path: 'x', text: 'a', json: 1 }, undefined, 'either text or json'],
    [
      'an act that only reads and does more',
      { type: 'remove', path: 'x' },
      { risk: 'read' },
      'read steps alone',
    ],
    ['nothing to be seen', { type: 'remove', path: 'x' }, { expect: [] }, 'acts.0.expect: is missing'],
    [
      'a stage without a sign',
      { type: 'remove', path: 'x' },
      { expect: [{ stage: 'done', within: '1s' }] },
      'status, where, changed or gone is wanted',
    ],
    [
      'an undo there is not',
      { type: 'remove', path: 'x' },
      { 'undo-act': 'job.unpoke' },
      'there is no act "job.unpoke"',
    ],
    [
      'a type there is not',
      { type: 'remove', path: 'x' },
      { applies: { type: 'run' } },
      'no entity here is a "run"',
    ],
  ])('%s: refused by its place', (_what, step, more, message) => {
    expect(() => customKind('it', descriptionWith([step], more), 'c.yaml: kinds.it')).toThrow(message);
  });

  it('a value as an argument of that code is taken', () => {
    expect(() =>
      customKind(
        'it',
        descriptionWith([{ type: 'run', argv: ['sh', '-c', 'retry "$1"', 'retry', '{id}'] }]),
        'c.yaml',
      ),
    ).not.toThrow();
  });
});
