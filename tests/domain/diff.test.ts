import { expect, it } from 'vitest';
import { stateText } from '../../src/domain/diff.ts';
import type { Entity, SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';

const base = {
  system: 'toy' as SystemId,
  id: 'a',
  title: 'a',
  observedAt: instant(0),
  evidence: { source: 'board' },
};

it.each<[Entity, string]>([
  [
    { ...base, type: 'layer', order: 1, name: 'runs', status: 'failed', summary: '7 failed' },
    'failed: 7 failed',
  ],
  [{ ...base, type: 'layer', order: 1, name: 'runs', status: 'ok', summary: '' }, 'ok'],
  [{ ...base, type: 'service', status: 'up', detail: 'answers in 7 ms' }, 'up: answers in 7 ms'],
  [{ ...base, type: 'job', status: 'running', nativeStatus: 'claimed' }, 'running: native claimed'],
  [{ ...base, type: 'run', status: 'running', nativeStatus: 'running' }, 'running'],
  [
    { ...base, type: 'meter', name: 'cost', value: 4.5, limit: 50, unit: 'USD', status: 'warning' },
    'warning 4.5: of 50 USD',
  ],
])('how a thing stands is told with what is known of it', (entity, text) => {
  expect(stateText(entity)).toBe(text);
});
