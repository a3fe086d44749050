import type { Json, JsonObject } from '../../lib/json.ts';
import type { Look, SourceSpec } from '../system.ts';
import { fillTemplate } from './field.ts';
import type { KindDescription } from './schema.ts';
import type { DescribedSource } from './schema-source.ts';
import { durationMs } from './words.ts';

const DEFAULT_POLL_MS = 10_000;

/** The sources of one system of a described kind; only settings are put in here, which an operator wrote. */
export function sourcesOf(kind: KindDescription, root: string, extra: JsonObject): readonly SourceSpec[] {
  const put = (given: string): string => fillTemplate(given, { settings: extra['settings'] ?? {} });
  const specs = Object.entries(kind.sources).map(([id, source]) => specOf(id, source, put, root, extra));
  const wantsProcesses = kind.entities.some((rule) => rule.process !== undefined);
  if (!wantsProcesses || specs.some((spec) => spec.type === 'process')) return specs;
  // Pids that records name are asked for along with this one.
  return [
    ...specs,
    { id: 'processes.named', parser: 'processes.named', type: 'process', match: { words: [] } },
  ];
}

function specOf(
  id: string,
  source: DescribedSource,
  put: (given: string) => string,
  root: string,
  extra: JsonObject,
): SourceSpec {
  const common = { id, parser: id };
  const pace = (given: string | undefined): number =>
    given === undefined ? DEFAULT_POLL_MS : durationMs(given);
  switch (source.type) {
    case 'log': {
      const volatile = source.volatile === undefined ? {} : { volatile: source.volatile };
      return { ...common, type: source.type, glob: put(source.glob), ...volatile };
    }
    case 'document':
      return { ...common, type: source.type, glob: put(source.glob) };
    case 'stream':
      return { ...common, type: 'stream', argv: argvOf(source.argv.map(put), root, extra) };
    case 'database':
      return {
        ...common,
        type: 'database',
        path: put(source.path),
        queries: Object.entries(source.queries).map(([query, sql]) => ({ id: query, sql, optional: true })),
      };
    case 'http': {
      const secret = source['secret-header'];
      return {
        ...common,
        type: 'http',
        path: put(source.path),
        everyMs: pace(source.every),
        ...(source.timeout === undefined ? {} : { timeoutMs: durationMs(source.timeout) }),
        ...(source['per-minute'] === undefined ? {} : { perMinute: source['per-minute'] }),
        ...(source.accepts === undefined ? {} : { accepts: source.accepts }),
        ...(source.headers === undefined ? {} : { headers: source.headers }),
        ...(secret === undefined ? {} : { secretHeader: secretHeaderOf(secret) }),
      };
    }
    case 'probe':
      return {
        ...common,
        type: 'probe',
        argv: argvOf(source.argv.map(put), root, extra),
        everyMs: pace(source.every),
        ...(source.timeout === undefined ? {} : { timeoutMs: durationMs(source.timeout) }),
        sideEffects: source.leaves ?? 'nothing',
      };
    case 'process':
      return { ...common, type: 'process', match: { words: source.words.map(put) } };
  }
}

/** A described header whose value is a secret, as steps and sources have it. */
export function secretHeaderOf(given: {
  readonly name: string;
  readonly env: string;
  readonly prefix?: string | undefined;
}): {
  readonly name: string;
  readonly variable: string;
  readonly prefix?: string;
} {
  return {
    name: given.name,
    variable: given.env,
    ...(given.prefix === undefined ? {} : { prefix: given.prefix }),
  };
}

/** Programs by bare name, with the place PATH has for them; nothing for those it has none for. */
export function programsOf(kind: KindDescription, look: Look): { readonly [name: string]: Json } {
  const argvs = [
    ...Object.values(kind.sources).flatMap((source) => ('argv' in source ? [source.argv] : [])),
    ...(kind.acts ?? []).flatMap((act) => act.steps.flatMap((step) => ('argv' in step ? [step.argv] : []))),
  ];
  const names = argvs.flatMap(([program]) =>
    program === undefined || program.includes('/') ? [] : [program],
  );
  return Object.fromEntries(
    [...new Set(names)].flatMap((name) => {
      const place = look.which(name);
      return place === undefined ? [] : [[name, place]];
    }),
  );
}

/** Program and arguments with the program's place: absolute, below the root, or where PATH had it. */
export function argvOf(
  [program = '', ...rest]: readonly string[],
  root: string,
  extra: JsonObject,
): readonly string[] {
  if (program.startsWith('/')) return [program, ...rest];
  if (program.includes('/')) return [`${root}/${program.replace(/^\.\//, '')}`, ...rest];
  const place = (extra['programs'] as JsonObject | undefined)?.[program];
  return [typeof place === 'string' ? place : program, ...rest];
}
