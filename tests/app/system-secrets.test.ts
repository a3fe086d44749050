import { afterAll, describe, expect, it } from 'vitest';
import { ownMasker } from '../../src/app/secrets.ts';
import { learnSecretsOf } from '../../src/app/system-secrets.ts';
import { dependenciesOf } from '../../src/config/dependencies.ts';
import type { SystemId } from '../../src/domain/entity.ts';

const VALUES = {
  IT_HEADER: 'quiet-river-stone',
  IT_STEP: 'seven-brown-foxes',
  IT_NEED: 'under-the-old-oak',
};

describe('secrets a system names', () => {
  afterAll(() => {
    for (const name of Object.keys(VALUES)) delete process.env[name];
  });

  it('are masked where a description or a dependency names their variables', () => {
    Object.assign(process.env, VALUES);
    const told = Object.values(VALUES).join(' ');
    expect(ownMasker.text(told)).toBe(told);
    learnSecretsOf({
      system: 'it' as SystemId,
      kind: 'it',
      root: '/nowhere',
      timezone: 'UTC',
      settings: {
        dependencies: dependenciesOf({
          model: {
            type: 'http',
            url: 'http://a:password-in-it@127.0.0.1/',
            'secret-header': { name: 'X', env: 'IT_NEED' },
          },
        }),
      },
      extra: {
        description: {
          sources: {
            api: { type: 'http', path: '/', 'secret-header': { name: 'X', env: 'IT_HEADER' } },
          },
          acts: [{ steps: [{ type: 'run', argv: ['x'], 'secret-env': ['IT_STEP'] }] }],
        },
      },
    });
    const masked = ownMasker.text(`${told} password-in-it`);
    for (const value of [...Object.values(VALUES), 'password-in-it']) expect(masked).not.toContain(value);
  });
});
