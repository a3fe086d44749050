import { expect, it } from 'vitest';
import { reasonInAnswer } from '../../src/acts/answer-word.ts';

it.each([
  ['a text in `detail`', '{"detail":"task is claimed by w7"}', 'task is claimed by w7'],
  ['a text in `error`', '{"success":false,"error":"breaker is open"}', 'breaker is open'],
  ['an object in `error`', '{"error":{"code":"E9","message":"no such debate"}}', 'no such debate'],
  [
    'what can’t be read of a request',
    '{"detail":[{"loc":["body","status"],"msg":"field required","type":"missing"},{"msg":"not a number"}]}',
    'field required; not a number',
  ],
  ['words alone, the first line of them', '  database is locked\nTraceback ...\n', 'database is locked'],
  ['a text of JSON', '"taken"', 'taken'],
])('tells the reason of a refusal: %s', (_what, body, reason) => {
  expect(reasonInAnswer(body)).toBe(reason);
});

it.each(['', ' \n', '{}', '{"detail":""}', '{"code":7}', '<html><body>502 Bad Gateway</body></html>', '[]'])(
  'tells none where none can be read: %j',
  (body) => {
    expect(reasonInAnswer(body)).toBeUndefined();
  },
);

it('keeps a long reason in one line of bounded length', () => {
  expect(
    reasonInAnswer(JSON.stringify({ detail: `${'x'.repeat(5_000)}\nmore` }))?.length,
  ).toBeLessThanOrEqual(161);
  expect(reasonInAnswer(`${'['.repeat(50)}"deep"${']'.repeat(50)}`)).toBeUndefined();
});
