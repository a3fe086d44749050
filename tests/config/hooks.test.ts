import { describe, expect, it } from 'vitest';
import { hooksOf } from '../../src/config/hooks.ts';
import { checkConfig } from '../../src/config/load.ts';
import { defaultHooks } from '../../src/domain/hook.ts';

function wrong(hook: string): string {
  try {
    checkConfig(`version: 1\nhooks:\n  - on: [act]\n    do: bell\n  - ${hook}\n`, 'b.yaml');
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('hooks of the configuration', () => {
  it('are the default where it names none, and none where it says so', () => {
    expect(hooksOf(checkConfig('version: 1', 'b.yaml'))).toBe(defaultHooks);
    expect(hooksOf(checkConfig('hooks: []', 'b.yaml'))).toEqual([]);
  });

  it('are read with their defaults', () => {
    const file = checkConfig(
      [
        'hooks:',
        '  - { on: [deadline], within: 2h, do: osc9 }',
        '  - { on: [fatal, act], systems: [orket], severity: error, at-start: true, do: { program: [/bin/page, a b] } }',
        '  - on: [fatal]',
        '    do: { webhook: "https://example.org/x", secret-header: { name: Authorization, env: KEY, prefix: "Bearer " } }',
      ].join('\n'),
      'b.yaml',
    );
    expect(hooksOf(file)).toEqual([
      { on: ['deadline'], severity: 'info', atStart: false, withinMs: 7_200_000, deed: { type: 'osc9' } },
      {
        on: ['fatal', 'act'],
        systems: ['orket'],
        severity: 'error',
        atStart: true,
        withinMs: 900_000,
        deed: { type: 'program', argv: ['/bin/page', 'a b'] },
      },
      {
        on: ['fatal'],
        severity: 'info',
        atStart: false,
        withinMs: 900_000,
        deed: {
          type: 'webhook',
          url: 'https://example.org/x',
          secretHeader: { name: 'Authorization', variable: 'KEY', prefix: 'Bearer ' },
        },
      },
    ]);
  });

  it.each([
    [
      '{ on: [fatl], do: bell }',
      'b.yaml:5: hooks.1.on.0: one of these is wanted: approval, fatal, act, deadline, watch',
    ],
    ['{ on: [], do: bell }', 'b.yaml:5: hooks.1.on: at least one event is wanted'],
    ['{ on: [act] }', 'b.yaml:5: hooks.1.do: is missing'],
    ['{ on: [act], do: beep }', /^b\.yaml:5: hooks\.1\.do: bell, osc9, /],
    ['{ on: [act], do: { program: [page] } }', 'b.yaml:5: hooks.1.do.program.0: an absolute path is wanted'],
    ['{ on: [act], do: { program: /bin/page } }', /^b\.yaml:5: hooks\.1\.do\.program: a list is wanted/],
    [
      '{ on: [act], do: { program: [/bin/page], webhook: "http://x" } }',
      /^b\.yaml:5: hooks\.1\.do: bell, osc9/,
    ],
    [
      '{ on: [act], do: { webhook: "file:///etc/passwd" } }',
      'b.yaml:5: hooks.1.do.webhook: an http or https address is wanted',
    ],
    [
      '{ on: [act], do: { webhook: "http://x", secret-header: { name: "a: b", env: X } } }',
      'b.yaml:5: hooks.1.do.secret-header.name: the name of a header is wanted',
    ],
    [
      '{ on: [act], within: soon, do: bell }',
      'b.yaml:5: hooks.1.within: a time like 15m is wanted: s, m, h or d',
    ],
    ['{ on: [act], do: bell, every: 5m }', 'b.yaml:5: hooks.1.every: is no key of this configuration'],
  ])('names the key and the line of a mistake: %s', (hook, message) => {
    if (typeof message === 'string') expect(wrong(hook)).toBe(message);
    else expect(wrong(hook)).toMatch(message);
  });
});
