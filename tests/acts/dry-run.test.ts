/** Every declared act of every kind, on every fixture: what the preview prints against what the runner's hands get. */
import { describe, expect, it } from 'vitest';
import { hostHands } from '../../src/acts/hands.ts';
import { createMasker } from '../../src/acts/mask.ts';
import { planAct } from '../../src/acts/plan.ts';
import type { Hands } from '../../src/acts/ports.ts';
import { runStep } from '../../src/acts/run-step.ts';
import { describeStep } from '../../src/acts/step-text.ts';
import type { Params, Step } from '../../src/domain/act.ts';
import type { Entity } from '../../src/domain/entity.ts';
import { fixedClock } from '../../src/host/clock.ts';
import type { Json } from '../../src/lib/json.ts';
import { SCRIPTS } from '../../src/systems/openclaw/locate.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import type { ActSpec, Located, StateView } from '../../src/systems/system.ts';
import {
  caseNames,
  deriveLocated,
  type FixtureCase,
  layOutCase,
  locateCase,
} from '../systems/fixture-case.ts';

const allKinds = await builtInKinds();

/** Acts that no fixture is in a state for. */
const NOT_IN_A_FIXTURE: Readonly<Record<string, readonly string[]>> = {
  // No host must have gh, and no made-up value is one of the configuration.
  reflexive: ['pr.check', 'config.set'],
  // No made-up value is an epic of the checkout, or a part of a card's name.
  orket: ['epic.run', 'cards.archive'],
  // No made-up value is the number of a pull request.
  openclaw: ['gate.merge'],
  // No fixture can hold a repository of its own, or a process that was asked to end and did not.
  aragora: ['api.kill', 'tree.stash', 'tree.inspect'],
};

const SECRET = 'k-0123456789-secret';
const masker = createMasker([SECRET]);

/** What reaches the hands, told in the words of the preview. */
function recordingHands(): { readonly hands: Hands; readonly told: string[]; readonly secrets: string[] } {
  const told: string[] = [];
  const secrets: string[] = [];
  const ours = hostHands.environment();
  const tell = (step: Step): number => told.push(describeStep(step));
  /** The variables beside those of the allow list; secret ones by name. */
  const ofStep = (all: { readonly [name: string]: string }) => {
    const own = Object.entries(all).filter(([name, value]) => ours[name] !== value);
    const secretEnv = own.filter(([, value]) => value === SECRET).map(([name]) => name);
    if (secretEnv.length > 0) secrets.push(...secretEnv);
    return { env: Object.fromEntries(own.filter(([, value]) => value !== SECRET)), secretEnv };
  };
  const stream = { text: '', truncated: false, sha256: '', sizeBytes: 0 };
  const hands: Hands = {
    ...hostHands,
    run: async ({ argv, cwd, env, timeoutMs }) => {
      tell({ type: 'process', title: '', argv, cwd, timeoutMs, ...ofStep(env) });
      const ended = { timedOut: false, aborted: false, escaped: [], durationMs: 0 };
      return { pid: 2, exitCode: 0, stdout: stream, stderr: stream, ...ended };
    },
    startService: async ({ argv, cwd, env, outputPath }) => {
      const output = outputPath === undefined ? {} : { outputPath };
      tell({ type: 'service', title: '', argv, cwd, ...ofStep(env), ...output });
      return { ok: false, error: 'recorded' };
    },
    ask: async ({ method, url, headers = {}, body, timeoutMs }) => {
      const keyed = Object.entries(headers).find(([, value]) => value.endsWith(SECRET));
      const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== keyed?.[0]));
      const [name, value] = keyed ?? ['', ''];
      const variable = secrets.at(-1) ?? '';
      tell({
        ...{ type: 'http', title: '', method: method as 'POST', url, headers: rest, timeoutMs },
        ...(body === undefined ? {} : { body: JSON.parse(body) as Json }),
        ...(keyed ? { secretHeader: { name, variable, prefix: value.slice(0, -SECRET.length) } } : {}),
      });
      return { status: 200, body: '', truncated: false, latencyMs: 1 };
    },
    read: () => ({ ok: true, value: undefined }),
    write: (_root, path, text) => {
      tell({ type: 'file', title: '', path, text: String(text) });
      return { ok: true, value: 'written' } as ReturnType<Hands['write']>;
    },
    remove: (_root, path) => {
      tell({ type: 'file', title: '', path });
      return { ok: true, value: 'removed' } as ReturnType<Hands['remove']>;
    },
    signal: ({ pid, startedAt, signal }) => {
      tell({ type: 'signal', title: '', pid, startedAt, signal: signal as 'SIGTERM' });
      return { ok: false, error: 'recorded' };
    },
  };
  return { hands, told, secrets };
}

/** Values that fit, for every parameter that is asked for. */
function paramsFor(spec: ActSpec): Params {
  const filled = spec.params.map((param): [string, string] => [
    param.name,
    param.form === 'choice' ? (param.choices?.[0] ?? '') : "it's the northern berth; $(x)",
  ]);
  return Object.fromEntries(filled);
}

function viewOf(
  located: Located,
  derived: ReturnType<typeof deriveLocated>,
  fixture: FixtureCase,
): StateView {
  const { entities, data = {} } = derived;
  const find = (type: string, id: string) => entities.find((one) => one.type === type && one.id === id);
  return {
    ...{ located, now: fixture.at, data, processes: fixture.processes },
    entity: (type, id) => find(type, id) as never,
    entities: (type) => entities.filter((one) => one.type === type) as never,
  };
}

/** Runs what was planned with recording hands; the acts that had something to run. */
async function compareAll(
  located: Located,
  view: StateView,
  targets: readonly Entity[],
  acts: readonly ActSpec[],
) {
  const compared = new Set<string>();
  for (const target of targets) {
    for (const spec of acts) {
      if (spec.risk === 'read' || !spec.appliesTo(target)) continue;
      const { preview, steps } = planAct(spec, target, paramsFor(spec), {
        view,
        masker,
        question: {
          policy: { readOnly: false, runAs: '*' },
          user: { uid: 0, name: 'root' },
          owner: undefined,
        },
        claim: () => ({ nextAttempt: 1, free: true }),
      });
      if (preview.refused !== undefined) continue;
      const { hands, told, secrets } = recordingHands();
      for (const step of steps) {
        await runStep(step, {
          ...{ clock: fixedClock(view.now), hands, masker, root: located.root },
          signal: new AbortController().signal,
          print: () => {},
          keep: () => {},
          secret: (name) => {
            secrets.push(name);
            return SECRET;
          },
        });
      }
      expect(told, `${spec.id} on ${target.type}/${target.id}`).toEqual(preview.commands);
      expect(preview.commands.join('\n')).not.toContain(SECRET);
      compared.add(spec.id);
    }
  }
  return compared;
}

describe('the dry run prints exactly what the real run starts', () => {
  it.each(allKinds.map((kind) => [kind.kind, kind] as const))('%s', async (name, kind) => {
    const compared = new Set<string>();
    for (const caseName of caseNames(name)) {
      const laid = await layOutCase(name, caseName);
      try {
        const found = locateCase(kind, laid.dir, laid.case);
        // What a configuration names and a fixture has not: the interpreter, and the programs of OpenClaw.
        const located = {
          ...found,
          python: '/usr/bin/python3',
          extra: {
            ...found.extra,
            ...(name === 'openclaw' ? { skill: '/srv/skill', scripts: [...SCRIPTS] } : {}),
          },
        };
        const derived = deriveLocated(kind, located, laid.case);
        const view = viewOf(located, derived, laid.case);
        for (const id of await compareAll(located, view, derived.entities, kind.acts)) compared.add(id);
      } finally {
        laid.remove();
      }
    }
    const changing = kind.acts.filter((spec) => spec.risk !== 'read').map((spec) => spec.id);
    // What needs a state no fixture has is named here; an act that is new is compared or named.
    expect(changing.filter((id) => !compared.has(id))).toEqual(NOT_IN_A_FIXTURE[name] ?? []);
  });
});
