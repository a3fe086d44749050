import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { UserError } from '../../../src/domain/error.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import type { CommonSettings, Located, SourceSpec } from '../../../src/systems/system.ts';
import { World } from './world.ts';

const id = 'reflexive' as SystemId;

describe('locating a reflexive installation', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.remove());

  const locate = (settings: CommonSettings = {}, env: Record<string, string> = {}): Located =>
    reflexiveKind.locate(world.dir, lookInto(world.dir, env), id, settings);
  const source = (specs: readonly SourceSpec[], name: string): SourceSpec | undefined =>
    specs.find((spec) => spec.id === name);

  it('recognises a checkout, its configuration, or what a daemon left', () => {
    const recognise = () => reflexiveKind.recognise(lookInto(world.dir, {}));
    expect(recognise()).toBeUndefined();
    world.write('logs/orchestrator.log', '');
    expect(recognise()).toBeUndefined();
    world.write('logs/audit.log', '');
    expect(recognise()?.confidence).toBe(0.5);
    world.write('config/orchestrator-config.yaml', '');
    expect(recognise()?.confidence).toBe(0.7);
    for (const file of ['src/cli.py', 'src/cycles/issue_processor.py', 'src/safety/cost_tracker.py'])
      world.write(file, '');
    expect(recognise()?.confidence).toBe(0.95);
  });

  it('says which directory to name when there is none', () => {
    const gone = join(world.dir, 'gone');
    expect(() => reflexiveKind.locate(gone, lookInto(gone, {}), id, {})).toThrow(UserError);
  });

  it('takes paths and limits from the configuration', () => {
    world.write(
      'config/orchestrator-config.yaml',
      'orchestrator:\n  work_dir: ./data/space/\nlogging:\n  file: /var/log/sro/main.log\n  audit_file: ""\n',
    );
    const specs = reflexiveKind.sources(locate(), {});
    expect(source(specs, 'orchestrator.log')).toMatchObject({ glob: '/var/log/sro/main.log*' });
    expect(source(specs, 'audit.log')).toBeUndefined();
    expect(source(specs, 'analytics.db')).toMatchObject({ path: 'data/space/analytics.db' });
    expect(source(specs, 'cost')).toMatchObject({ glob: 'data/space/cost_tracker.json' });
  });

  it.each(['/**', 'logs/*.log', '\u001b[2J', 'a{b,c}'])(
    'does not follow the path %j, which would be a pattern',
    (path) => {
      world.write(
        'config/orchestrator-config.yaml',
        JSON.stringify({ orchestrator: { work_dir: path }, logging: { file: path } }),
      );
      const specs = reflexiveKind.sources(locate(), {});
      expect(source(specs, 'orchestrator.log')).toMatchObject({ glob: 'logs/orchestrator.log*' });
      expect(source(specs, 'analytics.db')).toMatchObject({ path: 'workspace/analytics.db' });
    },
  );

  it('prefers the interpreter of the settings, then of the checkout, then of PATH', () => {
    expect(locate().python).toBeUndefined();
    mkdirSync(join(world.dir, 'bin'));
    world.write('bin/python3', '#!/bin/sh\n');
    expect(locate({}, { PATH: '/nowhere' }).python).toBeUndefined();
    world.write('.venv/bin/python', '');
    expect(locate().python).toBe(join(world.dir, '.venv/bin/python'));
    expect(locate({ python: '/opt/python' }).python).toBe('/opt/python');
  });

  it('reads the configuration of the home directory only where the checkout has none', () => {
    const home = join(world.dir, 'home');
    world.write('home/.orchestrator/config.yaml', 'safety:\n  max_api_cost_per_day: 9\n');
    const specs = reflexiveKind.sources(locate({}, { HOME: home }), {});
    expect(source(specs, 'config.home')).toMatchObject({ glob: `${home}/.orchestrator/config.yaml` });
    world.write('orchestrator-config.yaml', '');
    expect(source(reflexiveKind.sources(locate({}, { HOME: home }), {}), 'config.home')).toBeUndefined();
  });

  it('reads the file it is told and no other', () => {
    world.write('config/orchestrator-config.yaml', '');
    const specs = reflexiveKind.sources(locate({ config: 'etc/mine.yaml' } as CommonSettings), {});
    expect(
      specs.filter((spec) => spec.id.startsWith('config')).map((spec) => 'glob' in spec && spec.glob),
    ).toEqual(['etc/mine.yaml']);
  });

  it('names a parser for every source', () => {
    for (const spec of reflexiveKind.sources(locate(), { daemonConfig: 'x.yaml' })) {
      expect(Object.keys(reflexiveKind.parsers)).toContain(spec.parser);
    }
  });

  it('follows an edited configuration only with a daemon that was started after it', async () => {
    world.write(
      'config/orchestrator-config.yaml',
      'github:\n  repository: a/b\norchestrator:\n  work_dir: new\n',
      '2026-02-25T08:00:00Z',
    );
    world.daemon(10, '2026-02-25T07:00:00Z');
    expect((await world.derive('2026-02-25T09:00:00Z')).data?.['workDir']).toBeUndefined();
    world.processes = [];
    world.daemon(11, '2026-02-25T08:30:00Z');
    expect((await world.derive('2026-02-25T09:00:00Z')).data?.['workDir']).toBe('new');
  });
});
