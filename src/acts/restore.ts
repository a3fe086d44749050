/** Putting back what was in files before an act of ours changed them: the undo of acts that do nothing else. */
import type { StageState, Step } from '../domain/act.ts';
import { addMs, toIso } from '../domain/instant.ts';
import { type KeptFile, type OrderBook, RESTORE_ACT } from '../domain/order.ts';
import type { ActSpec } from '../systems/system.ts';
import type { OrderPlan } from './order.ts';
import type { Hands } from './ports.ts';

type FileStep = Extract<Step, { type: 'file' }>;

/** A file as an act found it and as it left it; undefined: no file. */
interface ChangedFile {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** What was there is no text, and steps write texts. */
  readonly isBinary: boolean;
}

const LOOK_BYTES = 8 * 1024 * 1024;
/** How long the files may take to be as they were, in milliseconds. */
const SEEN_WITHIN_MS = 5_000;

/** The act that undoes this order, where all it did was to change files of which a copy was kept. */
export function restoreSpec(
  order: string,
  orders: Pick<OrderBook, 'get' | 'kept'>,
  hands: Pick<Hands, 'read'>,
): ActSpec | undefined {
  const row = orders.get(order);
  if (!row) return undefined;
  const plan = JSON.parse(row.plan) as OrderPlan;
  const done = plan.steps.slice(0, row.progress.stepsDone);
  if (done.length === 0 || !plan.steps.every((step): step is FileStep => step.type === 'file'))
    return undefined;
  const kept = orders.kept(order);
  const files = done.flatMap((step, index) => {
    const before = kept[index];
    return step.type === 'file' && before?.path === step.path ? [changedFile(step, before)] : [];
  });
  if (files.length < done.length) return undefined;
  const { root } = plan.located;
  return {
    id: RESTORE_ACT,
    title: 'Put back what was there',
    menu: 'other',
    risk: 'reversible',
    does: `puts ${files.map(({ path }) => path).join(', ')} back as before ${plan.act} of ${toIso(plan.startedAt)}`,
    params: [],
    appliesTo: () => true,
    precondition: () => files.map((file) => whyNot(file, root, hands)).find((why) => why !== undefined),
    revision: () => `undo of ${order}`,
    plan: () =>
      files.toReversed().map(({ path, before }) => ({
        type: 'file',
        title: before === undefined ? `remove ${path}` : `put back ${path}`,
        path,
        ...(before === undefined ? {} : { text: before }),
      })),
    expect: (_view, { startedAt }): readonly StageState[] =>
      files.map((file) => ({
        stage: 'done',
        title: `${file.path} is as it was before`,
        state: textAt(file.path, root, hands) === file.before ? 'seen' : 'waiting',
        deadline: addMs(startedAt, SEEN_WITHIN_MS),
        required: true,
      })),
    undo: { text: `do ${plan.act} again` },
  };
}

function changedFile(step: FileStep, kept: KeptFile): ChangedFile {
  const bytes = kept.content === undefined ? undefined : Buffer.from(kept.content, 'base64');
  const before = bytes?.toString('utf8');
  return {
    path: step.path,
    before,
    after: step.text,
    isBinary: before !== undefined && !Buffer.from(before).equals(bytes as Buffer),
  };
}

/** Whoever changed a file after us meant what they wrote. */
function whyNot(
  { path, after, isBinary }: ChangedFile,
  root: string,
  hands: Pick<Hands, 'read'>,
): string | undefined {
  if (isBinary) return `what was in ${path} is no text and is not put back`;
  const now = textAt(path, root, hands);
  if (now instanceof Error) return now.message;
  if (now === after) return undefined;
  return now === undefined ? `${path} is gone: its program has taken it` : `${path} was changed since`;
}

/** Text of a file, undefined where there is none, and why it can't be read. */
function textAt(path: string, root: string, hands: Pick<Hands, 'read'>): string | undefined | Error {
  const found = hands.read(root, path, LOOK_BYTES);
  if (!found.ok) return new Error(found.error);
  return found.value?.bytes.toString('utf8');
}
