/**
 * What holds for every act of every kind: it says what it does, and what it starts is given no word of theirs as an option
 * and no shell. Each act is planned on all that the fixtures show, as it is and with hostile values in its place.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmationOf } from '../../src/acts/policy.ts';
import { lookInto } from '../../src/config/look.ts';
import type { Params, Step } from '../../src/domain/act.ts';
import { type Entity, entityKey } from '../../src/domain/entity.ts';
import { stateViewOf } from '../../src/engine/state-view.ts';
import { SCRIPTS } from '../../src/systems/openclaw/locate.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import type { ActSpec, CommonSettings, Located, StateView, SystemKind } from '../../src/systems/system.ts';
import { caseNames, deriveLocated, type FixtureCase, layOutCase } from './fixture-case.ts';

const allKinds = await builtInKinds();

const PROGRAMS = ['python3', 'git', 'gh', 'sudo', 'systemctl', 'docker', 'kubectl', 'tmux', 'journalctl'];
const SHELLS = /^(?:a|ba|da|z|k|c|tc|fi)?sh$|^(?:xargs|eval|busybox)$/;
const URL_OF_ALL = 'http://127.0.0.1:9';

/** Programs and scripts that are only looked for. */
class Host {
  readonly dir = mkdtempSync(join(tmpdir(), 'binnacle-acts-'));
  readonly bin = join(this.dir, 'bin');
  readonly skill = join(this.dir, 'skill');

  constructor() {
    for (const path of [
      ...PROGRAMS.map((name) => join(this.bin, name)),
      ...SCRIPTS.map((name) => join(this.skill, name)),
    ]) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
      chmodSync(path, 0o755);
    }
  }

  /** Ways of being kept, so that each way of starting and stopping is planned. */
  settingsOf(kind: string): readonly CommonSettings[] {
    const common = { timezone: 'UTC', url: URL_OF_ALL, keyEnv: 'KEY', python: join(this.bin, 'python3') };
    const own: { readonly [kind: string]: readonly object[] } = {
      orket: [{}, { keeper: 'systemd:orket', webhookUrl: URL_OF_ALL, webhookKeeper: 'docker:hooks' }],
      reflexive: [{}, { keeper: 'systemd:daemon' }],
      coherence: [{}],
      aragora: [{}, { run: 'systemctl:aragora', cluster: 'kubectl:aragora' }, { server: 'nomic' }],
      openclaw: [{ skill: this.skill }, { skill: this.skill, keeper: 'systemd:orch-worker' }],
    };
    return (own[kind] ?? [{}]).map((more) => ({ ...common, ...more }));
  }
}

interface Scene {
  readonly name: string;
  readonly located: Located;
  readonly case: FixtureCase;
  readonly entities: readonly Entity[];
  readonly data: object;
}

let host: Host;
const scenes = new Map<string, Promise<Scene[]>>();

async function readScenes(kind: SystemKind): Promise<Scene[]> {
  const found: Scene[] = [];
  for (const name of caseNames(kind.kind)) {
    const laid = await layOutCase(kind.kind, name);
    try {
      // The other ways of being kept differ in few acts: one case shows them.
      const ways = host.settingsOf(kind.kind);
      for (const settings of found.length === 0 ? ways : ways.slice(0, 1)) {
        const look = lookInto(laid.dir, { PATH: host.bin });
        const all = { ...settings, ...laid.case.settings };
        const located = kind.locate(laid.dir, look, kind.kind as never, all);
        const { entities, data = {} } = deriveLocated(kind, located, laid.case);
        found.push({ name, located, case: laid.case, entities, data });
      }
    } finally {
      laid.remove();
    }
  }
  return found;
}

function viewOf(
  { located, case: { at, processes } }: Scene,
  entities: readonly Entity[],
  data: object,
): StateView {
  const byKey = new Map(entities.map((entity) => [entityKey(entity), entity]));
  return stateViewOf(located, at, byKey, data as never, { readAt: at, processes });
}

function paramsOf(act: ActSpec, text: string): Params {
  return Object.fromEntries(
    act.params.map(({ name, form, choices }) => [name, form === 'choice' ? (choices?.[0] ?? '') : text]),
  );
}

/** What is planned; nothing where the act is refused, or the text is none it takes. */
function planOf(act: ActSpec, view: StateView, target: Entity, text: string): readonly Step[] {
  if (!act.appliesTo(target) || act.precondition(view, target) !== undefined) return [];
  try {
    return act.plan(view, target, paramsOf(act, text));
  } catch {
    return [];
  }
}

interface Planned {
  readonly scene: Scene;
  readonly act: ActSpec;
  readonly target: Entity;
  readonly steps: readonly Step[];
  /** The text that was given for every parameter. */
  readonly text: string;
}

/** Texts an act may take: the first that one does is given to it. */
const GIVEN = ['plain text', '80', 'tide_ledger', '2026-03-02T00:00:00Z', 'supervised'];
const plans = new Map<string, Promise<Planned[]>>();

async function plansOf(kind: SystemKind): Promise<Planned[]> {
  const read = scenes.get(kind.kind) ?? readScenes(kind);
  scenes.set(kind.kind, read);
  const found: Planned[] = [];
  for (const scene of await read) {
    const view = viewOf(scene, scene.entities, scene.data);
    for (const target of scene.entities)
      for (const act of kind.acts) {
        for (const text of GIVEN) {
          const steps = planOf(act, view, target, text);
          if (steps.length === 0) continue;
          found.push({ scene, act, target, steps, text });
          break;
        }
      }
  }
  return found;
}

function argvOf(steps: readonly Step[]): readonly (readonly string[])[] {
  return steps.flatMap((step) => (step.type === 'process' || step.type === 'service' ? [step.argv] : []));
}

/** Words a program reads as options: those before a `--` that begin with a dash. */
function optionsIn(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.slice(1, end < 0 ? undefined : end).filter((word) => word.startsWith('-'));
}

/** Every text of a plain value, its keys left out. */
function textsIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof value === 'string') found.add(value);
  else if (value !== null && typeof value === 'object')
    for (const one of Object.values(value)) textsIn(one, found);
  return found;
}

/** The same value with a text of theirs in place of another, wherever it stands. */
function replaced<T>(value: T, from: string, to: string): T {
  if (value === (from as unknown)) return to as T;
  if (Array.isArray(value)) return value.map((one) => replaced(one, from, to)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, from, to)])) as T;
}

/** Acts on names of files that were sifted when they were read: a name that leads out is not among them. */
const SIFTED: ReadonlySet<string> = new Set(['backup.restore', 'backup.compare']);

const HOSTILE = ['--help', '-rf', '$(reboot)', 'a b;reboot', '../../../etc/passwd', 'x/../../y?z=1#w', ''];

beforeAll(() => {
  host = new Host();
});
afterAll(() => rmSync(host.dir, { recursive: true }));

describe.each(allKinds.map((kind) => [kind.kind, kind] as const))('acts of %s', (_, kind) => {
  const planned = (): Promise<Planned[]> => {
    const known = plans.get(kind.kind) ?? plansOf(kind);
    plans.set(kind.kind, known);
    return known;
  };

  it('say what they do, how they run, what is looked for afterwards and what undoes them, in one line each', () => {
    const ids = kind.acts.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, title, does, runs, outcome, undo, params } of kind.acts) {
      expect(id).toMatch(/^[a-z]+(-[a-z]+)?\.[a-z]+(-[a-z]+)*$/);
      for (const text of [title, does, runs, outcome, undo?.text]) {
        expect(text, id).toMatch(/^\S.{2,}\S$/);
        expect(text, id).not.toMatch(/\n|[^.]\.$/);
      }
      for (const param of params) expect(param.title.trim(), `${id} ${param.name}`).not.toBe('');
      expect(new Set(params.map(({ name }) => name)).size, id).toBe(params.length);
    }
  });

  it('are confirmed by their risk: what destroys by a code everywhere, what costs by one in production', () => {
    for (const { id, risk, menu } of kind.acts) {
      const [here, inProduction] = [
        confirmationOf(risk, menu, undefined),
        confirmationOf(risk, menu, 'prod'),
      ];
      if (risk === 'read') expect([id, here, inProduction]).toEqual([id, 'none', 'none']);
      else expect([here, inProduction], id).not.toContain('none');
      if (risk === 'destructive') expect([id, here, inProduction]).toEqual([id, 'code', 'code']);
      if (risk === 'costly') expect([id, here]).toEqual([id, 'yes-and-reason']);
      if (risk === 'costly' && menu !== 'approve') expect([id, inProduction]).toEqual([id, 'code']);
    }
  });

  it('start programs by their whole path, through no shell, with the operator’s words as one argument', async () => {
    const found = await planned();
    expect(found.length).toBeGreaterThan(20);
    for (const { act, steps } of found)
      for (const argv of argvOf(steps)) {
        expect(argv[0], act.id).toMatch(/^\//);
        // A shell may be given a script of theirs to run, never a text.
        for (const [index, word] of argv.entries())
          if (SHELLS.test(basename(word))) expect(argv[index + 1], act.id).toMatch(/^[^-].*\.sh$/);
        for (const word of argv) expect(word, act.id).not.toContain('\0');
      }
  });

  it('that only read start nothing and write nothing', async () => {
    for (const { act, steps } of await planned())
      if (act.risk === 'read')
        for (const step of steps)
          expect([act.id, step.type === 'http' ? step.method : step.type]).toEqual([
            act.id,
            expect.stringMatching(/^(read|GET|process)$/),
          ]);
  });

  it('make no option of what an operator types', async () => {
    for (const { scene, act, target } of await planned()) {
      if (act.params.length === 0) continue;
      const view = viewOf(scene, scene.entities, scene.data);
      for (const text of ['--help', '-x', '-\n--token=x'])
        for (const argv of argvOf(planOf(act, view, target, text)))
          expect(
            optionsIn(argv).filter((word) => word === text || word === text.trim()),
            `${act.id} ${text}`,
          ).toEqual([]);
    }
  });

  it('make no option, no other path and no other address of a value of theirs', async () => {
    const tried = new Set<string>();
    for (const { scene, act, target, steps, text } of await planned()) {
      const theirs = textsIn([target, ...scene.entities.filter(({ id }) => id === target.id)]);
      if (SIFTED.has(act.id)) continue;
      const words = argvOf(steps).flatMap((argv) => argv.slice(1));
      const urls = steps.flatMap((step) => (step.type === 'http' ? [new URL(step.url)] : []));
      const parts = urls.flatMap((url) => url.pathname.split('/').map(decodeURIComponent));
      const used = [...words, ...parts].filter((word) => word.length > 3 && theirs.has(word));
      for (const word of new Set(used)) {
        // One of a sort is enough: each fixture has many that are alike.
        const sort = `${act.id} ${target.type} ${words.indexOf(word)} ${parts.indexOf(word)}`;
        if (tried.has(sort)) continue;
        tried.add(sort);
        for (const hostile of HOSTILE) {
          const entities = replaced(scene.entities, word, hostile);
          const view = viewOf(scene, entities, replaced(scene.data, word, hostile));
          const again = planOf(act, view, replaced(target, word, hostile), text);
          const said = `${act.id}: ${word} as ${hostile}`;
          for (const argv of argvOf(again)) {
            expect(
              optionsIn(argv).filter((option) => option === hostile),
              said,
            ).toEqual([]);
            // A path of theirs must not lead out of what it is joined to.
            expect(
              argv.filter((one) => one !== hostile && one.includes('../')),
              said,
            ).toEqual([]);
          }
          for (const step of again) {
            if (step.type === 'http') {
              const url = new URL(step.url);
              expect(
                urls.map(({ origin }) => origin),
                said,
              ).toContain(url.origin);
              const depth = urls.map(({ pathname }) => pathname.split('/').length);
              expect(depth, said).toContain(url.pathname.split('/').length);
              expect(url.hash, said).toBe('');
            }
            if (step.type === 'file') expect(step.path, said).not.toContain('..');
            if (step.type === 'read') expect(step.paths.join('\n'), said).not.toContain('..');
          }
        }
      }
    }
  });
});
