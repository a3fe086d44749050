/** Acts as a cockpit or a verb asks for them: what can be done, what it would do, doing it, and how it went. */

import type {
  ActEntry,
  ActOccasion,
  ActOffer,
  ActPreview,
  Params,
  StepAnswer,
  UndoOffer,
} from '../domain/act.ts';
import { type Entity, type Ref, refKey } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { RESTORE_ACT } from '../domain/order.ts';
import type { PlaybookView, StepProgress } from '../domain/steps.ts';
import { quietly } from '../lib/quietly.ts';
import type { ActSpec, StateView } from '../systems/system.ts';
import { confirmationRefusal, type StartRequest } from './confirm.ts';
import { EntryWatch } from './entry-watch.ts';
import { claimKeyOf, type OrderPlan } from './order.ts';
import { LONGEST_REASON, placeOrder } from './place.ts';
import { offersOf, type PlanContext, type Planned, planAct } from './plan.ts';
import type { ActServicePorts, ActSystem } from './ports.ts';
import { readAnswer, readFiles } from './read-act.ts';
import { abandonedOf, endOrder, repairLedger, sweepOrders, Takeovers } from './recovery.ts';
import { restoreSpec } from './restore.ts';
import { retryWhileLocked } from './retry.ts';
import { type MarkRequest, playbookIdOf, StepDesk, type StepSubject } from './step-desk.ts';
import { undoOf } from './undo.ts';

const WATCH_MS = 250;
const SWEEP_MS = 1_000;
/** How many previews are remembered for their attempt. */
const SHOWN = 500;

/** The acts of every system of a cockpit. Requests and answers are those of the engine's border. */
export interface ActService {
  offers(request: { readonly target: Ref }): { readonly offers: readonly ActOffer[] };
  playbook(request: { readonly target: Ref; readonly playbook?: string }): {
    readonly playbook: PlaybookView | null;
  };
  /** Records what a person says of a step. */
  markStep(request: MarkRequest): { readonly done: boolean; readonly why?: string };
  /** Playbooks under way on the systems that are watched. */
  stepProgress(): readonly StepProgress[];
  /** What undoes an order, by default the newest of this operator, as things stand now. */
  undo(request: { readonly order?: string }): UndoOffer;
  preview(request: PreviewRequest): ActPreview;
  start(request: StartRequest): Promise<{ order?: string; refused?: string; read?: StepAnswer }>;
  cancel(request: { readonly order: string }): { cancelled: boolean; why?: string };
  /** A person says how an act with unknown outcome ended; its key is free again. */
  settleAct(request: { readonly order: string; readonly note: string }): { done: boolean; why?: string };
  output(request: { readonly order: string }): { text: string };
  entries(): readonly ActEntry[];
  /** A person has seen the results of these orders. */
  saw(orders: readonly string[]): void;
  /** Gives outcomes to orders nobody works on any more. Runs by itself every second. */
  sweep(): void;
  /** Calls back when the record was written to, by whomever, and when an entry moved without that. */
  onChange(listener: () => void): () => void;
  close(): void;
}

/** What is to be shown before a yes. */
export interface PreviewRequest {
  readonly act: string;
  readonly target: Ref;
  readonly params: Params;
  readonly occasion?: ActOccasion;
}

/** The service over these ports. Watches the orders of this host until closed. */
export function createActService(ports: ActServicePorts): ActService {
  return new Service(ports);
}

interface Found {
  readonly system: ActSystem;
  readonly context: PlanContext;
  readonly target: Entity;
}

class Service implements ActService {
  readonly #ports: ActServicePorts;
  readonly #listeners = new Set<() => void>();
  readonly #watch: EntryWatch;
  readonly #takeovers: Takeovers;
  readonly #steps: StepDesk;
  readonly #stops: (() => void)[];
  /** Attempt each key had when it was last shown here: a start means what was shown. */
  readonly #shown = new Map<string, number>();
  /** Version of the record as of which nothing was under way. */
  #idleAt: number | undefined;

  constructor(ports: ActServicePorts) {
    this.#ports = ports;
    this.#watch = new EntryWatch(ports);
    this.#takeovers = new Takeovers(ports);
    this.#steps = new StepDesk(ports, {
      offersFor: (target) => this.offers({ target }).offers,
      entries: () => this.entries(),
      subjectOf: (item, playbook) => this.#stepSubject(item, playbook),
    });
    quietly(() => repairLedger(ports));
    this.sweep();
    this.#stops = [
      ports.clock.every(WATCH_MS, () => this.#refresh()),
      ports.clock.every(SWEEP_MS, () => this.#sweepIfAny()),
    ];
  }

  offers({ target }: { readonly target: Ref }): { readonly offers: readonly ActOffer[] } {
    const found = this.#find(target);
    return { offers: found ? offersOf(found.system.kind.acts, found.target, found.context) : [] };
  }

  playbook({ target, playbook: wanted }: { readonly target: Ref; readonly playbook?: string }): {
    readonly playbook: PlaybookView | null;
  } {
    const found = this.#stepSubject(target, wanted);
    return { playbook: found ? this.#steps.view(found) : null };
  }

  markStep(request: MarkRequest): { readonly done: boolean; readonly why?: string } {
    const answer = this.#steps.mark(request);
    this.#refresh();
    return answer;
  }

  stepProgress(): readonly StepProgress[] {
    return this.#steps.progress();
  }

  undo({ order }: { readonly order?: string }): UndoOffer {
    return undoOf(order, {
      orders: this.#ports.orders,
      user: this.#ports.who.user,
      viewOf: ({ target }) => this.#ports.system(target.system)?.view(),
      specOf: ({ act, target }) =>
        this.#ports.system(target.system)?.kind.acts.find(({ id }) => id === act)?.undo,
      offersFor: (target) => this.offers({ target }).offers,
      restoreOffer: (undone, target) => this.#restoreOffer(undone, target),
    });
  }

  preview(request: PreviewRequest): ActPreview {
    const found = this.#find(request.target);
    if (!found) throw new UserError(goneText(request.target), [], 4);
    const { acts, title } = found.system.kind;
    const spec = this.#specOf(found.system, request);
    if (!spec)
      throw new UserError(`no act "${request.act}" in a ${title}`, [
        `there are ${acts.map((act) => act.id).join(', ') || 'none'}`,
      ]);
    const { preview } = planAct(spec, found.target, request.params, found.context);
    this.#remember(keyText(spec, request.target, preview.revision), preview.attempt);
    if (request.occasion === undefined) return preview;
    const refused = this.#occasionRefusal(request) ?? preview.refused;
    return { ...preview, occasion: request.occasion, ...(refused === undefined ? {} : { refused }) };
  }

  async start(request: StartRequest): Promise<{ order?: string; refused?: string; read?: StepAnswer }> {
    const { clock } = this.#ports;
    const found = this.#find(request.target);
    if (!found) return { refused: goneText(request.target) };
    const { target, context, system } = found;
    const spec = this.#specOf(system, request);
    if (!spec) return { refused: `no act "${request.act}" in a ${system.kind.title}` };
    const planned = await retryWhileLocked(clock, () => planAct(spec, target, request.params, context));
    const refused = this.#occasionRefusal(request) ?? this.#startRefusal(spec, planned, request);
    if (refused !== undefined) return { refused };
    if (spec.risk === 'read') {
      const read = this.#read(spec, context.view, planned, request);
      if (request.occasion?.step) this.#steps.looked(request.occasion.step, spec.id, read);
      return { read };
    }
    const atOnce = system.policy.rules?.atOnce;
    const placed = await placeOrder(this.#ports, {
      ...{ spec, target, view: context.view, planned, request },
      ...(atOnce === undefined ? {} : { atOnce }),
    });
    if (placed.order !== undefined && request.occasion?.step)
      this.#steps.begun(request.occasion.step, spec.id, placed.order);
    this.#refresh();
    return placed;
  }

  cancel({ order }: { readonly order: string }): { cancelled: boolean; why?: string } {
    const { orders, clock, who } = this.#ports;
    try {
      if (orders.cancel(order, who.user, clock.now())) return { cancelled: true };
      return { cancelled: false, why: orders.get(order) ? 'it has ended' : 'there is no such order' };
    } catch (error) {
      return { cancelled: false, why: messageOf(error) };
    }
  }

  settleAct({ order, note }: { readonly order: string; readonly note: string }): {
    done: boolean;
    why?: string;
  } {
    const { clock, ledger, masker, orders, version, who } = this.#ports;
    const text = masker.text(note.trim().slice(0, LONGEST_REASON));
    if (text === '') return { done: false, why: 'say how it ended' };
    if (!ledger.ok) return { done: false, why: ledger.error };
    try {
      const row = orders.get(order);
      if (!row) return { done: false, why: 'there is no such order' };
      // Orders of other users are not swept here; a runner that is gone makes one unknown for everybody.
      const abandoned = row.status === 'running' ? abandonedOf(this.#ports, row) : undefined;
      if (abandoned?.outcome === 'unknown') endOrder(this.#ports, row, abandoned);
      if (orders.get(order)?.outcome !== 'unknown') return { done: false, why: 'its outcome is not unknown' };
      const { act, target } = JSON.parse(row.plan) as OrderPlan;
      const at = clock.now();
      ledger.value.append({ phase: 'settled', at, who, version, order, act, target, note: text });
      if (orders.settle(order, `settled by ${who.user}: ${text}`)) return { done: true };
      return { done: false, why: 'somebody else settled it' };
    } catch (error) {
      return { done: false, why: messageOf(error) };
    } finally {
      this.#refresh();
    }
  }

  output({ order }: { readonly order: string }): { text: string } {
    return { text: this.#ports.output.text(order, 1024 * 1024) };
  }

  entries(): readonly ActEntry[] {
    return this.#watch.entries;
  }

  saw(orders: readonly string[]): void {
    quietly(() => this.#ports.orders.markSeen(orders));
    this.#refresh();
  }

  sweep(): void {
    // While another process has the lock nothing is lost: the next sweep comes in a second.
    quietly(() => sweepOrders(this.#ports, this.#takeovers));
    this.#refresh();
  }

  /** Once neither an order nor a playbook was under way there is nothing to sweep until the record is written to. */
  #sweepIfAny(): void {
    if (this.#idleAt !== undefined && this.#idleAt === this.#watch.version) return;
    this.sweep();
    this.#steps.look();
    const { orders, steps } = this.#ports;
    this.#idleAt = quietly(() => {
      // Read first: what is written between counts as written later.
      const version = orders.version();
      return orders.open().length === 0 && steps.open().length === 0 ? version : undefined;
    }, undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
  }

  /** An act of the kind, or the one made of the order it undoes. */
  #specOf(
    { kind }: ActSystem,
    { act, occasion }: Pick<PreviewRequest, 'act' | 'occasion'>,
  ): ActSpec | undefined {
    const undone = occasion?.undoes;
    if (act !== RESTORE_ACT || undone === undefined) return kind.acts.find(({ id }) => id === act);
    return restoreSpec(undone, this.#ports.orders, this.#ports.hands);
  }

  #restoreOffer(order: string, target: Ref): ActOffer | undefined {
    const found = this.#find(target);
    const spec = restoreSpec(order, this.#ports.orders, this.#ports.hands);
    return found && spec ? offersOf([spec], found.target, found.context)[0] : undefined;
  }

  /** Why it is not what it is said to be done for. */
  #occasionRefusal({
    act,
    occasion,
    target,
  }: Pick<PreviewRequest, 'act' | 'occasion' | 'target'>): string | undefined {
    if (occasion?.undoes === undefined) return undefined;
    const { offer, target: at, why } = this.undo({ order: occasion.undoes });
    if (offer?.act === act && at && refKey(at) === refKey(target)) return undefined;
    const name = `${target.system}/${target.id}`;
    return why ?? `${act} on ${name} does not undo order ${occasion.undoes}`;
  }

  #stepSubject(item: Ref, wanted: string | undefined): StepSubject | undefined {
    const found = this.#find(item);
    if (!found) return undefined;
    const id = wanted ?? playbookIdOf(found.target);
    const playbook = found.system.kind.playbooks.find((one) => one.id === id);
    return playbook && { playbook, view: found.context.view, item: found.target };
  }

  #find(target: Ref): Found | undefined {
    const system = this.#ports.system(target.system);
    const view = system?.view();
    const entity = view?.entity(target.type, target.id);
    if (!system || !view || !entity) return undefined;
    return { system, target: entity, context: this.#context(system, target, entity, view) };
  }

  #context(system: ActSystem, ref: Ref, target: Entity, view: StateView): PlanContext {
    const { hands, heldByOther, ledger, masker, orders, who } = this.#ports;
    // The key of its row in the queue, as `attentionOf` makes it: that is what operators hold.
    const heldBy = heldByOther(`${ref.system}/${ref.type}/${target.attention?.group ?? ref.id}`);
    const recording = ledger.ok ? ledger.value.state?.() : undefined;
    const isAside = recording?.state === 'on ballast' || recording?.state === 'journal only';
    return {
      view,
      masker,
      ...(isAside ? { recordAside: recording.why ?? recording.state } : {}),
      question: {
        policy: system.policy,
        user: { uid: who.uid, name: who.user },
        owner: hands.ownerOf(view.located.root),
        ...(heldBy ? { heldBy } : {}),
      },
      claim: (act, revision) => orders.claimState(claimKeyOf(act, ref, revision)),
    };
  }

  #startRefusal(spec: ActSpec, { preview, claim }: Planned, request: StartRequest): string | undefined {
    const { ledger, masker } = this.#ports;
    if (preview.revision !== request.revision) {
      const [was, is] = [request.revision, preview.revision].map((text) => clip(masker.text(text)));
      return `it changed since it was shown: it was ${was}, now it is ${is}`;
    }
    if (preview.payloadDigest !== request.payloadDigest)
      return 'what is to be decided is not what was shown: look at it again';
    if (preview.refused !== undefined) return preview.refused;
    const confirmation = confirmationRefusal(preview, request.target.type, request);
    if (confirmation !== undefined || spec.risk === 'read') return confirmation;
    if (!ledger.ok) return `nothing is done that can't be recorded: ${ledger.error}`;
    const shown = this.#shown.get(keyText(spec, request.target, request.revision)) ?? 1;
    if (claim.nextAttempt !== shown)
      return `it was tried meanwhile (${preview.earlier ?? 'an attempt ended'}): look at it again`;
    return undefined;
  }

  #read(spec: ActSpec, view: StateView, { steps }: Planned, request: StartRequest): StepAnswer {
    const { clock, hands, masker } = this.#ports;
    const outputs = steps.flatMap((step) =>
      step.type === 'read' ? [readFiles(step, view.located.root, hands, masker)] : [],
    );
    const { act, params, revision, target } = request;
    const startedAt = clock.now();
    const stepsDone = steps.length;
    const entity = view.entity(target.type, target.id);
    // What no file holds an answer may take from the state: it was looked at in this moment.
    const baseline = (entity && spec.baseline?.(view, entity)) ?? null;
    const order = { order: 'read', act, target, params, startedAt, revision, baseline, stepsDone };
    return readAnswer(spec, outputs, order);
  }

  #remember(key: string, attempt: number): void {
    this.#shown.delete(key);
    this.#shown.set(key, attempt);
    const oldest = this.#shown.keys().next().value;
    if (this.#shown.size > SHOWN && oldest !== undefined) this.#shown.delete(oldest);
  }

  #refresh(): void {
    if (this.#watch.look()) for (const listener of this.#listeners) listener();
  }
}

function keyText(spec: ActSpec, target: Ref, revision: string): string {
  const key = claimKeyOf(spec, target, revision);
  return JSON.stringify([key.slot, key.target, key.revision]);
}

function goneText(target: Ref): string {
  return `${target.type} ${target.system}/${target.id} is not there any more`;
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
