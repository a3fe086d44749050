import type { SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Scene } from './scene.ts';

/** The part every entity of this system has. */
export function entityBase(
  scene: Scene,
  id: string,
  observedAt: Instant | undefined,
): { system: SystemId; id: string; observedAt: Instant } {
  return { system: scene.located.system, id, observedAt: observedAt ?? scene.processesAt };
}
