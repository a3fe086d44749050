/**
 * The built program on the fixture trees: `status --json` must give exactly the entities the kind gives when its files
 * are read directly. What differs between the two is all of ingest, the engine, the border and the output.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Entity } from '../../src/domain/entity.ts';
import { isKnownZone, toIso } from '../../src/domain/instant.ts';
import { entityJson, LISTS } from '../../src/headless/json.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import { statusSchema } from '../headless/status-schema.ts';
import { caseNames, deriveCase, layOutCase } from '../systems/fixture-case.ts';
import { cachePath, mainPath } from './cockpit.ts';

const allKinds = await builtInKinds();

const state = mkdtempSync(join(tmpdir(), 'binnacle-goldens-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** `timeZone` as the command line writes it. */
function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function byTypeAndId(entities: readonly Entity[]): Record<string, unknown[]> {
  const sorted = [...entities].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return Object.fromEntries(
    LISTS.map(({ name, type }) => [
      name,
      // The digest is taken by the engine; its own test looks at it.
      sorted
        .filter((one) => one.type === type)
        .map((one) => ({ ...(entityJson(one) as object), payloadDigest: undefined })),
    ]),
  );
}

const cases = allKinds.flatMap((kind) => caseNames(kind.kind).map((name) => ({ kind, name })));

describe('status --json on a fixture tree', () => {
  it('has cases of every kind', () => {
    expect(new Set(cases.map(({ kind }) => kind.kind))).toEqual(new Set(allKinds.map((kind) => kind.kind)));
  });

  it.each(cases.map(({ kind, name }) => [kind.kind, name, kind] as const))(
    '%s/%s gives exactly the expected entities',
    async (kindName, name, kind) => {
      const laid = await layOutCase(kindName, name);
      try {
        const { url: _noServer, timezone = 'UTC', ...settings } = laid.case.settings;
        // Processes, servers and answers of programs exist only on paper: here both sides look at a host without them.
        const onHost = Object.entries(settings).filter(([, value]) => !String(value).startsWith('http'));
        const fixture = {
          ...laid.case,
          processes: [],
          http: {},
          probes: {},
          settings: {
            ...Object.fromEntries(onHost),
            python: '/nowhere/python3',
            timezone: isKnownZone(timezone) ? timezone : 'UTC',
          },
        };
        const derived = await deriveCase(kind, laid.dir, fixture);
        const given = Object.entries(fixture.settings).map(
          ([key, value]) => `,${kebab(key)}=${String(value)}`,
        );
        const result = spawnSync(
          process.execPath,
          [
            mainPath,
            'status',
            '--json',
            '-s',
            `${kindName}=${laid.dir}${given.join('')}`,
            '--at',
            toIso(fixture.at),
          ],
          {
            encoding: 'utf8',
            env: {
              PATH: '/nowhere',
              HOME: state,
              XDG_CACHE_HOME: cachePath,
              BINNACLE_STATE_DIR: state,
              BINNACLE_PROCESSES: 'none',
            },
          },
        );
        expect(result.stderr).toBe('');
        expect(statusSchema.parse(JSON.parse(result.stdout))).toBeDefined();
        const printed = JSON.parse(result.stdout) as Record<string, { id: string; payloadDigest?: string }[]>;
        const actual = Object.fromEntries(
          LISTS.map(({ name: list }) => [
            list,
            [...(printed[list] ?? [])]
              .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
              .map(({ payloadDigest: _digest, ...entity }) => entity),
          ]),
        );
        expect(actual).toEqual(JSON.parse(JSON.stringify(byTypeAndId(derived.entities))));
        expect(existsSync(join(state, 'host.db'))).toBe(false);
      } finally {
        laid.remove();
      }
    },
  );
});
