/**
 * Records what changes on the watched systems. Of all cockpits that watch a system one writes, the holder of its lease;
 * the others keep what they saw of the last seconds, so that whoever takes over misses nothing and repeats nothing.
 */
import { isBusy } from '../db/busy.ts';
import { LEASE_BEAT_MS } from '../db/history-lease.ts';
import type { HistoryStore } from '../db/history-store.ts';
import type { EntityDiff } from '../domain/diff.ts';
import { refKey, type SystemId } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import { type StateChange, unrecorded } from '../domain/history.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';
import { type Sighting, sightingsOf } from '../domain/sighting.ts';
import type { Clock } from '../host/clock.ts';
import { beginCatchUp, type CatchUp, caughtUp } from './history-catch-up.ts';
import type { SystemWatch } from './system-watch.ts';

/** Sightings written at once: 500 take about 15 ms. */
const BATCH = 500;
const FLUSH_MS = 100;
const NEXT_BATCH_MS = 5;
const RETRY_MS = 1_000;
/** How often the lease is looked at: a writer that was killed is replaced within two seconds. */
const LOOK_MS = 500;
/** What a cockpit that does not write remembers: the longest a dead writer can go unnoticed, and then some. */
const BACKLOG_MS = 15_000;
/** When that is compared again: every source that moves was read by then. */
const SECOND_LOOK_MS = 2_500;
/** Sightings that wait while nothing can be written; beyond that the oldest are given up, counted. */
const MAX_WAITING = 20_000;

/** The part of a system's watch the record is made from. */
export type RecordedWatch = Pick<SystemWatch, 'located' | 'settled' | 'entities' | 'summary'>;

/** What the recorder works with. */
export interface RecorderOptions {
  readonly store: HistoryStore;
  readonly clock: Clock;
  readonly self: ProcessMark;
  isAlive(holder: ProcessMark): boolean;
  /** Takes known secrets out of a text before it is stored. */
  mask(text: string): string;
  /** Changes that happened while nobody watched, as they are found and recorded. */
  onFound(changes: readonly StateChange[]): void;
  /** What {@link HistoryRecorder.trouble} says has changed. */
  onTrouble(): void;
}

interface Track {
  readonly watch: RecordedWatch;
  readonly system: SystemId;
  row: number | undefined;
  leads: boolean;
  beatAt: number;
  watchedUntil: Instant | undefined;
  waiting: Sighting[];
  catchUp: CatchUp | undefined;
  cancelFlush: (() => void) | undefined;
}

/** The recorder of one cockpit over all its systems. */
export class HistoryRecorder {
  readonly #options: RecorderOptions;
  readonly #tracks = new Map<SystemId, Track>();
  readonly #stopLook: () => void;
  /** Why the last attempt of each sort failed: a lease that is renewed does not make writing possible. */
  readonly #troubles: { lease?: string; write?: string } = {};
  #lost: { count: number; from: Instant; to: Instant; why: string | undefined } | undefined;
  #closed = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#stopLook = options.clock.every(LOOK_MS, () => this.#look());
  }

  /** Why changes are not being recorded, and how many wait or are lost; undefined while all is well. */
  get trouble(): string | undefined {
    const trouble = this.#troubles.write ?? this.#troubles.lease;
    if (trouble === undefined) return undefined;
    const waiting = [...this.#tracks.values()].reduce((sum, track) => sum + track.waiting.length, 0);
    const lost = this.#lost ? `, ${this.#lost.count} lost` : '';
    return `HISTORY NOT WRITTEN: ${trouble}; ${waiting} changes wait${lost}`;
  }

  /** Whether this cockpit is the one that writes for a system. */
  leads(system: SystemId): boolean {
    return this.#tracks.get(system)?.leads === true;
  }

  /** Systems this cockpit writes for. */
  get leading(): number {
    return [...this.#tracks.values()].filter((track) => track.leads).length;
  }

  /** Row of a system in the record, once it was read. */
  rowOf(system: SystemId): number | undefined {
    return this.#tracks.get(system)?.row;
  }

  /** Takes what moved. Before every source was read once, what is not there yet would look like a change. */
  take(watch: RecordedWatch, diff: EntityDiff): void {
    if (!watch.settled || this.#closed) return;
    const { system } = watch.located;
    const known = this.#tracks.get(system);
    if (!known) {
      this.#tracks.set(system, newTrack(watch));
      this.#look();
      return;
    }
    for (const sighting of sightingsOf(diff, this.#options.clock.now())) known.waiting.push(sighting);
    this.#giveUpOldest(known);
    if (known.leads && known.waiting.length > 0) this.#flushIn(known, FLUSH_MS);
  }

  /** Writes what waits, and lets go of the leases. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopLook();
    const { store, clock, self } = this.#options;
    for (const track of this.#tracks.values()) {
      track.cancelFlush?.();
      for (let left = Math.ceil(track.waiting.length / BATCH); track.leads && left > 0; left -= 1) {
        if (!this.#writeBatch(track)) break;
      }
    }
    try {
      store.lease.release(self, clock.now());
    } catch {
      // It lapses by itself.
    }
  }

  #look(): void {
    const now = this.#options.clock.monotonic();
    const tracks = [...this.#tracks.values()];
    for (const track of tracks.filter(({ leads }) => !leads))
      this.#attempt('lease', () => this.#takeLease(track));
    const held = tracks.filter(({ leads, beatAt }) => leads && beatAt < now);
    if (!held.some(({ beatAt }) => now - beatAt >= LEASE_BEAT_MS - LOOK_MS / 2)) return;
    this.#attempt('lease', () =>
      this.#options.store.lease.together(() => {
        for (const track of held) this.#takeLease(track);
      }),
    );
  }

  #takeLease(track: Track): void {
    const { store, clock, self, isAlive } = this.#options;
    const now = clock.now();
    track.row ??= store.systemId(track.system, track.watch.located.root);
    const answer = store.lease.take(track.row, self, now, isAlive);
    track.leads = answer.held;
    if (!answer.held) {
      track.catchUp = undefined;
      const first = track.waiting.findIndex((one) => one.seenAt > now - BACKLOG_MS);
      if (first !== 0) track.waiting.splice(0, first < 0 ? track.waiting.length : first);
      return;
    }
    track.beatAt = clock.monotonic();
    if (!answer.gained) return;
    track.watchedUntil = answer.watchedUntil;
    track.waiting = this.#notInRecord(track);
    this.#compare(track, 'first');
  }

  /** Begins to compare the record with what this cockpit sees. */
  #compare(track: Track, look: 'first' | 'second'): void {
    track.catchUp = beginCatchUp(track.watch, look);
    this.#flushIn(track, 0);
  }

  /** What was seen here while another one wrote, without what that one wrote. */
  #notInRecord(track: Track): Sighting[] {
    const byThing = new Map<string, Sighting[]>();
    for (const sighting of track.waiting) {
      const key = refKey(sighting.ref);
      const seen = byThing.get(key);
      if (seen) seen.push(sighting);
      else byThing.set(key, [sighting]);
    }
    const left = new Set<Sighting>();
    for (const seen of byThing.values()) {
      const [first] = seen;
      if (!first) continue;
      const known = this.#options.store.known(track.row ?? 0, first.ref);
      for (const sighting of unrecorded(seen, known)) left.add(sighting);
    }
    return track.waiting.filter((sighting) => left.has(sighting));
  }

  #flushIn(track: Track, ms: number): void {
    if (track.cancelFlush || this.#closed) return;
    track.cancelFlush = this.#options.clock.after(ms, () => {
      track.cancelFlush = undefined;
      if (!track.leads || this.#closed) return;
      if (!this.#writeBatch(track)) this.#flushIn(track, RETRY_MS);
      else if (track.waiting.length > 0 || track.catchUp) this.#flushIn(track, NEXT_BATCH_MS);
    });
  }

  /** False when nothing could be written now. */
  #writeBatch(track: Track): boolean {
    return this.#attempt('write', () => {
      // What came live goes first: after it the record agrees with what is on the screen.
      const batch = track.waiting.slice(0, BATCH);
      const catchUp = batch.length < BATCH && !this.#closed ? track.catchUp : undefined;
      const { store, self, clock } = this.#options;
      const next =
        catchUp &&
        caughtUp(catchUp, { store, row: track.row ?? 0, watch: track.watch, now: clock.now(), limit: BATCH });
      const masked = (sighting: Sighting): Sighting => withoutSecrets(sighting, this.#options.mask);
      const all = next ? [...batch, ...next.sightings] : batch;
      const changes =
        all.length === 0 ? [] : store.record(track.row ?? 0, self, all.map(masked), track.watchedUntil);
      if (!changes) {
        // Somebody else writes now: this process was stopped for long.
        track.leads = false;
        return;
      }
      track.waiting.splice(0, batch.length);
      if (next) track.catchUp = next.rest;
      if (next?.isLeftOver)
        this.#options.clock.after(SECOND_LOOK_MS, () => {
          if (track.leads && !track.catchUp && !this.#closed) this.#compare(track, 'second');
        });
      const looked = new Set(next?.sightings.map((sighting) => refKey(sighting.ref)));
      const found = changes.filter((change) => looked.has(refKey(change.ref)));
      if (found.length > 0) this.#options.onFound(found);
      this.#tellLost();
    });
  }

  #giveUpOldest(track: Track): void {
    const over = track.waiting.length - MAX_WAITING;
    if (over <= 0) return;
    const given = track.waiting.splice(0, over);
    if (!track.leads) return;
    const from = this.#lost?.from ?? given[0]?.seenAt;
    const to = given.at(-1)?.seenAt;
    if (from !== undefined && to !== undefined)
      this.#lost = { count: (this.#lost?.count ?? 0) + over, from, to, why: this.#troubles.write };
  }

  /** A hole in the record stands in the record. */
  #tellLost(): void {
    const lost = this.#lost;
    if (!lost) return;
    this.#options.store.remarks.add({
      at: lost.to,
      kind: 'gap',
      by: 'binnacle',
      text: `${lost.count} changes between ${toIso(lost.from)} and ${toIso(lost.to)} were not recorded: ${lost.why ?? 'they came too fast'}`,
    });
    this.#lost = undefined;
  }

  #attempt(sort: 'lease' | 'write', task: () => void): boolean {
    const before = this.#troubles[sort];
    let isDone = false;
    try {
      task();
      delete this.#troubles[sort];
      isDone = true;
    } catch (error) {
      // Another cockpit is writing: that passes by itself, and is no trouble.
      if (!isBusy(error)) this.#troubles[sort] = messageOf(error);
    }
    if (before !== this.#troubles[sort]) this.#options.onTrouble();
    return isDone;
  }
}

function newTrack(watch: RecordedWatch): Track {
  return {
    watch,
    system: watch.located.system,
    row: undefined,
    leads: false,
    beatAt: Number.NEGATIVE_INFINITY,
    watchedUntil: undefined,
    waiting: [],
    catchUp: undefined,
    cancelFlush: undefined,
  };
}

/** Ids stay: they are what a thing is found by, and those of the watched systems hold no secret. */
function withoutSecrets(sighting: Sighting, mask: (text: string) => string): Sighting {
  const { evidence, title, traits } = sighting;
  const { text, query, url } = evidence;
  return {
    ...sighting,
    title: mask(title),
    traits: Object.fromEntries(Object.entries(traits).map(([name, value]) => [name, mask(value)])),
    evidence: {
      ...evidence,
      ...(text === undefined ? {} : { text: mask(text) }),
      ...(query === undefined ? {} : { query: mask(query) }),
      ...(url === undefined ? {} : { url: mask(url) }),
    },
  };
}
