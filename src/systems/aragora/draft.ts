import type { Evidence, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { getNumber, getString, type Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';

/** The part every entity of this system has; as fresh as the newest of the files it rests on. */
export function entityBase(
  scene: Scene,
  id: string,
  ...files: readonly (FileFacts | undefined)[]
): { system: SystemId; id: string; observedAt: Instant } {
  let newest: Instant | undefined;
  for (const file of files) {
    if (file && (newest === undefined || file.readAt > newest)) newest = file.readAt;
  }
  return { system: scene.located.system, id, observedAt: newest ?? scene.processesAt };
}

/** Evidence at a fact's offset and time, with `text` in place of what the fact quotes. */
export function evidenceOf(file: FileFacts, fact?: Json, text?: string): Evidence {
  const offset = getNumber(fact, 'offset');
  const at = instantOf(fact, 'at') ?? (fact === undefined ? file.modifiedAt : undefined);
  const quoted = text ?? getString(fact, 'text');
  return {
    source: file.source,
    ...(file.source.startsWith('api.') ? { url: file.path } : { path: file.path }),
    ...(offset === undefined ? {} : { offset }),
    ...(quoted === undefined ? {} : { text: quoted }),
    ...(at === undefined ? {} : { at }),
  };
}

/** What a program printed, which has no place in a file and the time of the newest look. */
export function probeEvidence(file: FileFacts, text: string): Evidence {
  return { source: file.source, path: file.path, text };
}

/** Texts that are there, in order. */
export function textsOf(...texts: readonly (string | false | undefined)[]): readonly string[] {
  return texts.filter((one): one is string => typeof one === 'string' && one !== '');
}

/** `90s`, `30m`, `1h30m`: a budget as an operator says it. */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}h${rest === 0 ? '' : String(rest).padStart(2, '0').concat('m')}`;
}
