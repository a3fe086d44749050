import { DueTimes } from '../../domain/due-times.ts';
import type { Instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import type { DeriveContext, FileFacts, Located } from '../system.ts';
import { type Crew, crewOf } from './crew.ts';
import { newestOf } from './facts.ts';
import { type LoopView, loopViewOf } from './loop-view.ts';
import { type Place, placeOf } from './schema.ts';

/** All facts of one installation as of `now`, ready to be judged. */
export interface Scene {
  readonly located: Located;
  readonly place: Place;
  readonly now: Instant;
  readonly due: DueTimes;
  readonly crew: Crew;
  readonly processesAt: Instant;
  readonly loop: LoopView;
  /** Newest file of a source while it is there. */
  file(source: string): FileFacts | undefined;
  files(source: string): readonly FileFacts[];
  /** A fact of the newest file of a source. */
  fact(source: string, key: string): Json | undefined;
  /** The server's log, from its file or the stream, whichever spoke last. */
  readonly server: FileFacts | undefined;
}

/** Reads the facts of a derivation into a scene. */
export function sceneOf(context: DeriveContext): Scene {
  const { located, facts, now, processes } = context;
  const due = new DueTimes(now);
  const crew = crewOf(located.root, processes.processes);
  const file = (source: string): FileFacts | undefined => {
    const newest = newestOf(facts.files(source));
    return newest?.present ? newest : undefined;
  };
  return {
    located,
    place: placeOf(located),
    now,
    due,
    crew,
    processesAt: processes.readAt,
    loop: loopViewOf(file('nomic.log'), crew, isAnswering(file('api.nomic')), due),
    file,
    files: (source) => facts.files(source).filter((one) => one.present),
    fact: (source, key) => file(source)?.facts.get(key),
    server: file('server.stream') ?? file('server.log'),
  };
}

/** `/api/nomic/state` of the loop's own server names a cycle that runs; `{"cycle": 0, "phase": "idle"}` is none. */
function isAnswering(file: FileFacts | undefined): boolean {
  if (getBoolean(file?.facts.get('answer'), 'ok') !== true) return false;
  const state = file?.facts.get('nomic');
  return (getNumber(state, 'cycle') ?? 0) > 0 && getString(state, 'phase') !== 'idle';
}
