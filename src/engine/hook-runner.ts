/** Fires hooks: decides which are for an event, keeps them from firing too often or twice, and never makes anybody wait. */
import { createHash } from 'node:crypto';
import type { Alert } from '../domain/alert.ts';
import { alertLine, type FoldedAlert, type Hook, hookName, isWanted } from '../domain/hook.ts';
import type { Instant } from '../domain/instant.ts';
import { type DeliveryLimits, type DeliveryPorts, deliver, deliveryLimits } from './hook-delivery.ts';
import { HookRate } from './hook-rate.ts';

/** Programs and requests under way at once. */
const AT_ONCE = 2;
/** A record that others have locked is asked again so often, at this pace in milliseconds. */
const CLAIM_TRIES = 20;
const CLAIM_AGAIN_MS = 100;
/** How long deliveries under way may go on when the cockpit closes, in milliseconds. */
const LAST_CHANCE_MS = 600;

export interface HookPorts extends DeliveryPorts {
  /**
   * True for the first on this host to ask for this event and hook. Throws while the record can't be written.
   */
  claim(event: string, hook: string, now: Instant, repeatMs?: number): boolean;
  /** Rings, or shows a text as a notification, on the screen of this cockpit. */
  ring(what: { readonly bell: true } | { readonly notify: string }): void;
  /** A program or a server was handed an event, and this came of it. Secrets are masked. */
  fired?(text: string, alert: Alert): void;
  /** A hook failed, for the first time or after it had worked. Secrets are masked. */
  failed(text: string): void;
}

interface HookState {
  readonly hook: Hook;
  /** What others know it by: hooks that do the same are one. A digest, for an address may be a secret. */
  readonly identity: string;
  readonly rate: HookRate;
  busy: boolean;
  /** What went wrong last; undefined while it works. */
  trouble: string | undefined;
}

/** The hooks of one cockpit. */
export class HookRunner {
  readonly #ports: HookPorts;
  readonly #limits: DeliveryLimits;
  readonly #hooks: readonly HookState[];
  readonly #abort = new AbortController();
  readonly #under = new Set<Promise<void>>();
  #cancelLook: (() => void) | undefined;
  #closed = false;

  constructor(hooks: readonly Hook[], ports: HookPorts, limits: DeliveryLimits = deliveryLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#hooks = hooks.map((hook) => ({
      hook,
      identity: createHash('sha256').update(JSON.stringify(hook.deed)).digest('hex').slice(0, 32),
      rate: new HookRate(),
      busy: false,
      trouble: undefined,
    }));
  }

  /** What does not work now, for the first row. */
  troubles(): readonly string[] {
    return this.#hooks.flatMap(({ hook, trouble }) =>
      trouble === undefined ? [] : [`HOOK FAILS: ${hookName(hook)}: ${trouble}`],
    );
  }

  /** Fires what is configured for this event, now or as soon as it may. Returns at once. */
  fire(alert: Alert): void {
    for (const state of this.#hooks) {
      if (!isWanted(state.hook, alert)) continue;
      const { type } = state.hook.deed;
      // Each cockpit rings for itself; a program or a server is told once for all cockpits of the host.
      if (type === 'bell' || type === 'osc9') this.#add(state, alert);
      else this.#claim(state, alert, CLAIM_TRIES);
    }
  }

  /** Fires what still waited for its time, for nobody else will, and lets what is under way end, but not for long. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelLook?.();
    for (const state of this.#hooks) {
      const { type } = state.hook.deed;
      const event = type === 'bell' || type === 'osc9' ? undefined : state.rate.takeEarly(0);
      if (event) this.#start(state, event);
    }
    if (this.#under.size === 0) return;
    const ended = Promise.all(this.#under);
    const cancel = this.#ports.clock.after(LAST_CHANCE_MS, () => this.#abort.abort());
    await ended;
    cancel();
  }

  #claim(state: HookState, alert: Alert, tries: number): void {
    if (this.#closed) return;
    const { clock } = this.#ports;
    try {
      if (this.#ports.claim(alert.id, state.identity, clock.now(), alert.repeatMs)) this.#add(state, alert);
    } catch {
      if (tries > 0) clock.after(CLAIM_AGAIN_MS, () => this.#claim(state, alert, tries - 1));
      // A page that comes twice is better than one that does not come.
      else this.#add(state, alert);
    }
  }

  #add(state: HookState, alert: Alert): void {
    state.rate.add(alert);
    this.#pump();
  }

  #pump(): void {
    if (this.#closed) return;
    const now = this.#ports.clock.monotonic();
    for (const state of this.#hooks) {
      const { deed } = state.hook;
      if (deed.type === 'bell' || deed.type === 'osc9') {
        const event = state.rate.take(now);
        if (event) this.#ring(deed.type, event);
      } else if (!state.busy && this.#under.size < AT_ONCE) {
        const event = state.rate.take(now);
        if (event) this.#start(state, event);
      }
    }
    this.#lookAgain(now);
  }

  /** What waits for its time is looked at then; what waits for a free hand, when one is free. */
  #lookAgain(now: number): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const dues = this.#hooks.flatMap(({ rate }) => rate.dueAt() ?? []).filter((due) => due > now);
    if (dues.length === 0) return;
    this.#cancelLook = this.#ports.clock.after(Math.min(...dues) - now, () => this.#pump());
  }

  #ring(type: 'bell' | 'osc9', event: FoldedAlert): void {
    if (type === 'bell') this.#ports.ring({ bell: true });
    else this.#ports.ring({ notify: this.#ports.masker.text(alertLine(event)) });
  }

  #start(state: HookState, event: FoldedAlert): void {
    state.busy = true;
    const under = deliver(state.hook, event, this.#ports, this.#limits, this.#abort.signal).then(
      (outcome) => {
        state.busy = false;
        this.#under.delete(under);
        const before = state.trouble;
        state.trouble = outcome.ok ? undefined : outcome.error;
        const name = hookName(state.hook);
        const told = alertLine(event);
        const came = outcome.ok ? outcome.value : `failed: ${outcome.error}`;
        this.#ports.fired?.(this.#ports.masker.text(`${name}: ${came}: ${told}`), event.first);
        // Told once, until it has worked again.
        if (!outcome.ok && before === undefined && !this.#closed)
          this.#ports.failed(`${name}: ${outcome.error}`);
        this.#pump();
      },
    );
    this.#under.add(under);
  }
}
