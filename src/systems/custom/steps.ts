/** The steps of a described act, with the values of its target put in so that each stays what it is: one value. */
import type { Params, Step } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import { instant } from '../../domain/instant.ts';
import { isPlainId } from '../../lib/ids.ts';
import type { Json } from '../../lib/json.ts';
import type { StateView } from '../system.ts';
import { fillJson, fillTemplate, isTemplate, scopeOf } from './field.ts';
import type { DescribedAct, DescribedStep } from './schema-act.ts';
import { argvOf, secretHeaderOf } from './sources.ts';
import { durationMs } from './words.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const READ_BYTES = 256 * 1024;
/** Programs that read their arguments as a program again, here or on another host. */
const READS_WORDS =
  /^(?:ssh|su|script|watch|xargs|parallel|env|busybox|(?:ba|da|z|k|a|c|tc|fi)?sh|eval|awk|sed|perl|ruby|node|php|lua|python[\d.]*)$/;

/** The steps as they would run. Without `params` (what the operator gives comes later) only the record is judged. Throws UserError. */
export function stepsOf(
  act: DescribedAct,
  view: StateView,
  target: Entity,
  params: Params | undefined,
): readonly Step[] {
  const { extra } = view.located;
  const scope = scopeOf(target.data?.['value'], {
    id: target.id,
    params: params ?? Object.fromEntries((act.params ?? []).map(({ name }) => [name, 'given'])),
    settings: extra['settings'] ?? {},
  });
  return act.steps.map((step) => stepOf(act, step, view, target, scope));
}

function stepOf(act: DescribedAct, step: DescribedStep, view: StateView, target: Entity, scope: Json): Step {
  const { located } = view;
  const { root } = located;
  const { title } = act;
  switch (step.type) {
    case 'run':
    case 'service': {
      const [program = '', ...rest] = argvOf(wordsOf(step.argv, scope), root, located.extra);
      if (!program.startsWith('/')) throw refusal(`the program ${program} is not on PATH`);
      const common = {
        title,
        argv: [program, ...rest],
        cwd:
          step.cwd === undefined || step.cwd === '.'
            ? root
            : step.cwd.startsWith('/')
              ? step.cwd
              : `${root}/${step.cwd}`,
        ...(step.env === undefined ? {} : { env: step.env }),
        ...(step['secret-env'] === undefined ? {} : { secretEnv: step['secret-env'] }),
      };
      if (step.type === 'service')
        return {
          type: 'service',
          ...common,
          ...(step.log === undefined
            ? {}
            : { outputPath: step.log.startsWith('/') ? step.log : `${root}/${step.log}` }),
        };
      return {
        type: 'process',
        ...common,
        timeoutMs: timeoutOf(step.timeout),
        ...(step.success === undefined ? {} : { successCodes: step.success }),
      };
    }
    case 'http': {
      if (located.url === undefined) throw refusal('no server is named: add url=http://... to the system');
      const path = fillTemplate(step.path, scope, (value) => urlPart(value));
      const secret = step['secret-header'];
      return {
        type: 'http',
        title,
        method: step.method,
        url: `${located.url.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`,
        ...(step.body === undefined ? {} : { body: fillJson(step.body as Json, scope) }),
        ...(step.headers === undefined ? {} : { headers: step.headers }),
        ...(secret === undefined ? {} : { secretHeader: secretHeaderOf(secret) }),
        timeoutMs: timeoutOf(step.timeout),
      };
    }
    case 'write':
      return {
        type: 'file',
        title,
        path: fillTemplate(step.path, scope, fileName),
        text:
          step.json === undefined
            ? fillTemplate(step.text ?? '', scope)
            : `${JSON.stringify(fillJson(step.json as Json, scope), null, 2)}\n`,
      };
    case 'remove':
      return { type: 'file', title, path: fillTemplate(step.path, scope, fileName) };
    case 'signal': {
      const pid = target.data?.['pid'];
      const started = target.data?.['started'];
      if (typeof pid !== 'number' || typeof started !== 'number') throw refusal('its process is not there');
      return { type: 'signal', title, pid, startedAt: instant(started), signal: step.signal };
    }
    case 'read':
      return {
        type: 'read',
        title,
        paths: step.paths.map((path) => fillTemplate(path, scope, pathBelow)),
        maxBytes: READ_BYTES,
      };
  }
}

/** Program and arguments. The program is as described; each other word is one word, and an option only where it is written as one. */
function wordsOf(argv: readonly string[], scope: Json): readonly string[] {
  const isRead = argv.some((word) => READS_WORDS.test(word.slice(word.lastIndexOf('/') + 1)));
  let options = true;
  return argv.map((word, index) => {
    if (index === 0 || !isTemplate(word)) {
      if (word === '--') options = false;
      return word;
    }
    const filled = fillTemplate(word, scope, (value, path) => {
      if (value.includes('\0')) throw refusal(`its ${path} holds a NUL character`);
      // What a shell or an interpreter may read again has to be a plain word.
      if (isRead && !isPlainId(value))
        throw refusal(
          `its ${path} "${shown(value)}" is not passed to a program that reads its arguments again`,
        );
      if (path === 'id' && !isPlainId(value))
        throw refusal(`its ${path} has characters that are not passed to a program`);
      return value;
    });
    if (options && filled.startsWith('-') && !word.startsWith('-'))
      throw refusal(`its value ${shown(filled)} would be taken for an option of the program`);
    return filled;
  });
}

function urlPart(value: string): string {
  if (value === '.' || value === '..' || value === '')
    throw refusal(`its value "${value}" can't be part of an address`);
  return encodeURIComponent(value);
}

function fileName(value: string): string {
  if (!isPlainId(value)) throw refusal(`its value "${shown(value)}" can't be part of a file name`);
  return value;
}

/** A path that records name, to be read: below the root whatever it says. */
function pathBelow(value: string): string {
  if (value === '' || value.includes('\0') || value.startsWith('/') || value.split('/').includes('..'))
    throw refusal(`its value "${shown(value)}" is no path below the root`);
  return value;
}

function refusal(text: string): UserError {
  return new UserError(text, [], 4);
}

function shown(value: string): string {
  return value.slice(0, 80);
}

function timeoutOf(given: string | undefined): number {
  return given === undefined ? DEFAULT_TIMEOUT_MS : durationMs(given);
}

/** How a step runs, in a few words, for lists. */
export function describedRun(step: DescribedStep): string {
  switch (step.type) {
    case 'run':
      return step.argv.join(' ');
    case 'service':
      return `starts ${step.argv.join(' ')}`;
    case 'http':
      return `${step.method} ${step.path}`;
    case 'write':
    case 'remove':
      return `${step.type}s ${step.path}`;
    case 'signal':
      return `${step.signal} to its process`;
    case 'read':
      return `reads ${step.paths.join(', ')}`;
  }
}

/** Where a description would hand values to an interpreter as its program: the index of that word. */
export function wordReadAsProgram(argv: readonly string[]): number | undefined {
  const index = argv.findIndex((word, at) => {
    if (at === 0 || !isTemplate(word)) return false;
    const isProgram = /^-[A-Za-z]*[ce]$|^--(?:eval|command|exec|execute)$/.test(argv[at - 1] ?? '');
    return (
      isProgram && argv.slice(0, at).some((one) => READS_WORDS.test(one.slice(one.lastIndexOf('/') + 1)))
    );
  });
  return index === -1 ? undefined : index;
}
