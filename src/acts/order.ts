import type { Params, Risk, Step } from '../domain/act.ts';
import type { Ref } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Who } from '../domain/ledger.ts';
import type { ClaimKey } from '../domain/order.ts';
import { isPlainId } from '../lib/ids.ts';
import type { Json } from '../lib/json.ts';
import type { ActSpec, Located } from '../systems/system.ts';

/** Everything the runner needs, fixed when the operator said yes. Plain JSON; secret variables by name. */
export interface OrderPlan {
  readonly format: 1;
  readonly order: string;
  readonly act: string;
  readonly title: string;
  readonly risk: Risk;
  readonly located: Located;
  readonly target: Ref;
  readonly targetTitle: string;
  readonly params: Params;
  readonly revision: string;
  /** Of the payload that was decided on. */
  readonly payloadDigest?: string;
  readonly attempt: number;
  /** How many acts may run their steps in the system at once. */
  readonly atOnce?: number;
  readonly baseline: Json;
  readonly steps: readonly Step[];
  /** The steps as they were shown. */
  readonly commands: readonly string[];
  readonly reason?: string;
  readonly who: Who;
  readonly startedAt: Instant;
  readonly undo: string;
  readonly undoAct?: string;
  /** The order this one undoes. */
  readonly undoes?: string;
}

/** What may happen once per revision. Acts that decide the same approval exclude each other. */
export function claimKeyOf(spec: Pick<ActSpec, 'id' | 'menu'>, target: Ref, revision: string): ClaimKey {
  return {
    slot: spec.menu === 'approve' ? 'decision' : spec.id,
    target: `${target.system}/${target.type}/${target.id}`,
    revision,
  };
}

/** Linux takes 128 KiB per argument; beyond it the program could not be started. */
const LONGEST_WORD = 128 * 1024 - 1;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Why these steps must not run: a second net below the kinds, which know what their values mean. `untrusted` are texts
 * from outside (the target's id, parameters) that may occur in them. Undefined when all is well.
 */
export function stepsRefusal(
  steps: readonly Step[],
  untrusted: { readonly targetId: string; readonly params: Params },
): string | undefined {
  if (steps.length === 0) return 'there is nothing to run';
  for (const step of steps) {
    const refusal = stepRefusal(step, untrusted);
    if (refusal !== undefined) return `${step.title}: ${refusal}`;
  }
  return undefined;
}

function stepRefusal(
  step: Step,
  untrusted: { readonly targetId: string; readonly params: Params },
): string | undefined {
  switch (step.type) {
    case 'process':
    case 'service':
      return (
        wordsRefusal(step.argv, untrusted) ??
        (step.cwd.startsWith('/') ? undefined : 'its directory is not absolute') ??
        environmentRefusal(step.env ?? {}, step.secretEnv ?? [])
      );
    case 'http': {
      if (!URL.canParse(step.url) || !/^https?:$/.test(new URL(step.url).protocol))
        return 'not a web address';
      if (/[\s\p{Cc}]/u.test(step.url)) return 'the address holds white space or control characters';
      const headers = [...Object.entries(step.headers ?? {})];
      if (headers.some(([name, value]) => !/^[A-Za-z0-9-]+$/.test(name) || /[\r\n\0]/.test(value)))
        return 'a header is not one line';
      return undefined;
    }
    case 'file':
      return step.path === '' || step.path.includes('\0') || step.path.split('/').includes('..')
        ? 'not a path below the root'
        : undefined;
    case 'signal':
      return Number.isInteger(step.pid) && step.pid > 1 ? undefined : `no process can have pid ${step.pid}`;
    case 'read':
      return 'only a read act looks at files';
  }
}

function wordsRefusal(
  argv: readonly string[],
  { targetId, params }: { readonly targetId: string; readonly params: Params },
): string | undefined {
  if (!argv[0]?.startsWith('/'))
    return `the program is not named by an absolute path: ${argv[0] ?? '(none)'}`;
  let afterDashes = false;
  for (const word of argv.slice(1)) {
    if (word.includes('\0')) return 'an argument holds a NUL character';
    if (Buffer.byteLength(word) > LONGEST_WORD) return 'an argument is longer than 128 KiB';
    const values = [targetId, ...Object.values(params)];
    // A value of theirs as a word of its own: after `--` it is no option whatever it looks like.
    if (!afterDashes && word.startsWith('-') && values.includes(word))
      return `a value that begins with "-" would be taken for an option: ${word.slice(0, 80)}`;
    if ((word === targetId || word.endsWith(`=${targetId}`)) && !isPlainId(targetId))
      return `not an id that may be given to a program: ${targetId.slice(0, 80)}`;
    if (word === '--') afterDashes = true;
  }
  return undefined;
}

function environmentRefusal(
  env: { readonly [name: string]: string },
  secretNames: readonly string[],
): string | undefined {
  const bad = [...Object.keys(env), ...secretNames].find((name) => !VARIABLE.test(name));
  if (bad !== undefined) return `not the name of a variable: ${bad.slice(0, 80)}`;
  return Object.values(env).some((value) => value.includes('\0'))
    ? 'a variable holds a NUL character'
    : undefined;
}
