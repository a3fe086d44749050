import { instant, parseInstant } from '../../domain/instant.ts';
import { getArray, getNumber, getObject, getString, isObject, type Json, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { textOrNull } from './facts.ts';

type ProbeChunk = Extract<Chunk, { type: 'probe' }>;

/** A parser of a probe's output. What it said last when it worked stays, with the reason why it does not work now. */
function probeParser(
  kept: string,
  read: (chunk: ProbeChunk, context: ParseContext) => Json | undefined,
): Parser {
  return {
    version: 1,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'probe') return { carry };
      const fact = chunk.error === undefined && chunk.exitCode === 0 ? read(chunk, context) : undefined;
      const said = (chunk.stderr || chunk.stdout).trim().slice(0, 300);
      const why =
        fact !== undefined
          ? null
          : (chunk.error ??
            (chunk.exitCode === 0
              ? 'its output is not what it should be'
              : said || `exit ${chunk.exitCode ?? '?'}`));
      const known = fact ?? context.fact(kept);
      return {
        carry,
        facts: {
          answer: { ok: fact !== undefined, at: context.now, why },
          ...(known === undefined ? {} : { [kept]: known }),
        },
        bad:
          fact === undefined && chunk.exitCode === 0 && why !== null
            ? [{ path: context.path, reason: why, excerpt: chunk.stdout.slice(0, 200) }]
            : [],
      };
    },
  };
}

/** `systemctl show --property=... --timestamp=unix`: `Name=value` lines. A unit that is not there is inactive too. */
export const unitParser: Parser = probeParser('unit', ({ stdout }) => {
  const fields = new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const cut = line.indexOf('=');
      return cut < 1 ? [] : [[line.slice(0, cut), line.slice(cut + 1).trim()]];
    }),
  );
  const state = fields.get('ActiveState');
  if (state === undefined) return undefined;
  const pid = Number(fields.get('MainPID'));
  return {
    state: state.slice(0, 40),
    sub: (fields.get('SubState') ?? '').slice(0, 40),
    result: (fields.get('Result') ?? '').slice(0, 40),
    pid: Number.isInteger(pid) && pid > 0 ? pid : null,
    restarts: Number(fields.get('NRestarts')) || 0,
    startedAt: unixOrText(fields.get('ActiveEnterTimestamp')),
  };
});

/** `@1795213075`, or what an older systemd prints in spite of `--timestamp=unix`. */
function unixOrText(text: string | undefined): Json {
  const unix = /^@(\d{9,11})$/.exec(text ?? '')?.[1];
  if (unix !== undefined) return instant(Number(unix) * 1000);
  const worded = /^\w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$/.exec(text ?? '')?.[1];
  return parseInstant(worded, 'UTC') ?? null;
}

/** `docker inspect`: a list with one object. */
export const containerParser: Parser = probeParser('unit', ({ stdout }) => {
  const read = readJson(stdout);
  const one = read.ok && Array.isArray(read.value) ? read.value[0] : undefined;
  const state = getObject(one, 'State');
  const word = getString(state, 'Status');
  if (word === undefined) return undefined;
  const health = getString(getObject(state, 'Health'), 'Status');
  const pid = getNumber(state, 'Pid') ?? 0;
  return {
    state: word === 'running' ? 'active' : word.slice(0, 40),
    sub: health?.slice(0, 40) ?? '',
    result: word === 'exited' ? `exit ${getNumber(state, 'ExitCode') ?? '?'}` : '',
    pid: pid > 0 ? pid : null,
    restarts: getNumber(one, 'RestartCount') ?? 0,
    // With nanoseconds, which no parser of dates takes.
    startedAt: parseInstant(getString(state, 'StartedAt')?.replace(/(\.\d{3})\d+Z$/, '$1Z')) ?? null,
  };
});

const MOST = 200;

/** `kubectl get deployments,horizontalpodautoscalers,pods --output=json` of one namespace. */
export const clusterParser: Parser = probeParser('cluster', ({ stdout }) => {
  const read = readJson(stdout);
  if (!read.ok || !isObject(read.value) || !Array.isArray(read.value['items'])) return undefined;
  const items = read.value['items'].slice(0, MOST * 3);
  const of = (kind: string) => items.filter((item) => getString(item, 'kind') === kind).slice(0, MOST);
  return {
    deployments: of('Deployment').flatMap(deploymentOf),
    autoscalers: of('HorizontalPodAutoscaler').flatMap(autoscalerOf),
    pods: of('Pod').flatMap(podOf),
  };
});

function nameOf(item: Json): string | undefined {
  const name = getString(getObject(item, 'metadata'), 'name');
  return name === undefined || name === '' ? undefined : name.slice(0, 253);
}

function deploymentOf(item: Json): Json[] {
  const name = nameOf(item);
  const [meta, spec, status] = [
    getObject(item, 'metadata'),
    getObject(item, 'spec'),
    getObject(item, 'status'),
  ];
  if (name === undefined) return [];
  const template = getObject(spec, 'template');
  const containers = getArray(getObject(template, 'spec'), 'containers');
  const progressing = getArray(status, 'conditions').find((one) => getString(one, 'type') === 'Progressing');
  return [
    {
      name,
      replicas: getNumber(spec, 'replicas') ?? 1,
      ready: getNumber(status, 'readyReplicas') ?? 0,
      updated: getNumber(status, 'updatedReplicas') ?? 0,
      available: getNumber(status, 'availableReplicas') ?? 0,
      total: getNumber(status, 'replicas') ?? 0,
      generation: getNumber(meta, 'generation') ?? 0,
      observed: getNumber(status, 'observedGeneration') ?? 0,
      revision: Number(getString(getObject(meta, 'annotations'), 'deployment.kubernetes.io/revision')) || 0,
      restartedAt: textOrNull(
        getObject(getObject(template, 'metadata'), 'annotations'),
        'kubectl.kubernetes.io/restartedAt',
        40,
      ),
      images: containers.flatMap((one) => textOrNull(one, 'image', 300) ?? []).slice(0, 10),
      // What selects its pods is its own to say: the labels differ from one deployment to the next.
      labels: Object.entries(getObject(getObject(spec, 'selector'), 'matchLabels') ?? {})
        .filter((pair): pair is [string, string] => typeof pair[1] === 'string')
        .slice(0, 10),
      stuck: getString(progressing, 'reason') === 'ProgressDeadlineExceeded',
    },
  ];
}

function autoscalerOf(item: Json): Json[] {
  const name = nameOf(item);
  const [spec, status] = [getObject(item, 'spec'), getObject(item, 'status')];
  const target = getObject(spec, 'scaleTargetRef');
  if (name === undefined) return [];
  return [
    {
      name,
      target: getString(target, 'kind') === 'Deployment' ? textOrNull(target, 'name', 253) : null,
      min: getNumber(spec, 'minReplicas') ?? 1,
      max: getNumber(spec, 'maxReplicas') ?? 0,
      current: getNumber(status, 'currentReplicas') ?? 0,
      desired: getNumber(status, 'desiredReplicas') ?? 0,
    },
  ];
}

function podOf(item: Json): Json[] {
  const name = nameOf(item);
  const [meta, status] = [getObject(item, 'metadata'), getObject(item, 'status')];
  if (name === undefined) return [];
  const containers = getArray(status, 'containerStatuses');
  const waiting = containers
    .map((one) => getString(getObject(getObject(one, 'state'), 'waiting'), 'reason'))
    .find((reason) => reason !== undefined);
  const ended = containers
    .map((one) => getString(getObject(getObject(one, 'lastState'), 'terminated'), 'reason'))
    .find((reason) => reason !== undefined);
  const ready = getArray(status, 'conditions').find((one) => getString(one, 'type') === 'Ready');
  return [
    {
      name,
      phase: textOrNull(status, 'phase', 40),
      isReady: getString(ready, 'status') === 'True',
      readySince: parseInstant(getString(ready, 'lastTransitionTime')) ?? null,
      restarts: containers.reduce((sum: number, one) => sum + (getNumber(one, 'restartCount') ?? 0), 0),
      waiting: waiting?.slice(0, 80) ?? null,
      lastEnd: ended?.slice(0, 80) ?? null,
      startedAt: parseInstant(getString(status, 'startTime')) ?? null,
      isLeaving: getString(meta, 'deletionTimestamp') !== undefined,
      labels: Object.entries(getObject(meta, 'labels') ?? {})
        .filter((pair): pair is [string, string] => typeof pair[1] === 'string')
        .slice(0, 30),
    },
  ];
}
