import type { RestorePoint } from '../../domain/entity.ts';
import { getArray, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';

/** What one can go back to: backups of protected files, git points, checkpoints. */
export function restorePointsOf(scene: Scene): readonly RestorePoint[] {
  const current = scene.loop.open?.backup;
  const points = [
    ...scene.files('backups').map((file) => backupPoint(scene, file, current ?? undefined)),
    ...scene.files('rollback').map((file) => rollbackPoint(scene, file)),
    ...databaseCopies(scene),
  ];
  for (const file of scene.files('checkpoints')) {
    for (const [key, fact] of file.facts) {
      if (key.startsWith('checkpoint/')) points.push(checkpointPoint(scene, file, fact));
    }
  }
  return points.filter((one) => one !== undefined);
}

function backupPoint(scene: Scene, file: FileFacts, current: string | undefined): RestorePoint | undefined {
  const fact = file.facts.get('backup');
  const name = getString(fact, 'name');
  if (fact === undefined || name === undefined) return undefined;
  const manifest = getString(fact, 'manifest');
  const files = getNumber(fact, 'files');
  const createdAt = instantOf(fact, 'createdAt');
  const what =
    manifest === 'read'
      ? `${firstLine(getString(fact, 'reason') ?? 'no reason given', 60)}, ${counted(files ?? 0, 'protected file')}`
      : manifest === 'bad'
        ? 'manifest unreadable'
        : 'no manifest, cannot be restored from';
  return {
    ...entityBase(scene, name, file),
    type: 'restorePoint',
    title: name,
    label: what,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(manifest === 'read' ? { playbook: 'rollback' } : {}),
    evidence: evidenceOf(file, createdAt === undefined ? undefined : { at: createdAt }, what),
    logKeys: [name],
    cautions: textsOf(
      name === current && 'taken before the newest cycle, which has no outcome',
      manifest === 'read' &&
        'restore overwrites these files without asking, uncommitted edits too, and nothing else',
      manifest === 'read' &&
        'nomic_loop.py restore exits 0 even when it found nothing: only "Restored N files" counts',
    ),
    data: { form: 'backup', files: files ?? null, names: getArray(fact, 'names') },
  };
}

/** Copies made by `POST /api/v2/backups`; restore of the loop shows them as backups without a manifest. */
function databaseCopies(scene: Scene): readonly RestorePoint[] {
  const file = scene.file('backups.files');
  return [...(file?.facts ?? [])].flatMap(([key, fact]): RestorePoint[] => {
    const name = getString(fact, 'name');
    if (!file || name === undefined || !key.startsWith('copy/')) return [];
    const createdAt = instantOf(fact, 'at');
    const label = `copy of ${name.replace(/_\d{8}_.*$/, '.db')}`;
    return [
      {
        ...entityBase(scene, `copy-${name}`, file),
        type: 'restorePoint',
        title: name,
        label,
        ...(createdAt === undefined ? {} : { createdAt }),
        playbook: 'database',
        evidence: { ...evidenceOf(file, { at: createdAt ?? null }, label), path: `${file.path}/${name}` },
        cautions: ['put back by hand, with the server stopped: no program of theirs does it'],
        data: { form: 'copy' },
      },
    ];
  });
}

function rollbackPoint(scene: Scene, file: FileFacts): RestorePoint | undefined {
  const fact = file.facts.get('point');
  const id = getString(fact, 'id');
  if (fact === undefined || id === undefined) return undefined;
  const createdAt = instantOf(fact, 'createdAt');
  const commit = getString(fact, 'commit');
  const files = getNumber(fact, 'files') ?? 0;
  const label = textsOf(
    firstLine(getString(fact, 'description') ?? 'rollback point', 60),
    commit && `commit ${commit.slice(0, 12)}`,
    files > 0 && counted(files, 'file'),
  ).join(', ');
  return {
    ...entityBase(scene, `rollback-${id}`, file),
    type: 'restorePoint',
    title: `rollback ${id}`,
    label,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(commit === undefined ? {} : { commit }),
    playbook: 'rollback',
    evidence: evidenceOf(file, createdAt === undefined ? undefined : { at: createdAt }, label),
    logKeys: [id],
    cautions: textsOf(commit && 'going back is git reset --hard: everything uncommitted is lost'),
    data: { form: 'rollback' },
  };
}

function checkpointPoint(scene: Scene, file: FileFacts, fact: Json): RestorePoint | undefined {
  const name = getString(fact, 'name');
  if (name === undefined) return undefined;
  const form = getString(fact, 'form');
  const at = instantOf(fact, 'at');
  const state = getString(fact, 'state');
  const label =
    form === 'debate'
      ? `debate ${getString(fact, 'debate')} after round ${getNumber(fact, 'round') ?? '?'}`
      : form === 'machine'
        ? `cycle ${getString(fact, 'cycle') ?? '?'}${state ? ` in ${state}` : ''}`
        : form === 'loop'
          ? `cycle ${getString(fact, 'cycle') ?? '?'}, left by an exception`
          : 'unreadable';
  return {
    ...entityBase(scene, `checkpoint-${name}`, file),
    type: 'restorePoint',
    title: name,
    label,
    ...(at === undefined ? {} : { createdAt: at }),
    evidence: { ...evidenceOf(file, { at: at ?? null }, label), path: `${file.path}/${name}` },
    cautions: textsOf(
      form === 'debate' && 'the API lists its own database only; resume changes a status and runs no debate',
      (form === 'machine' || form === 'loop') &&
        'aragora nomic resume reports success and starts a new cycle instead',
      state === 'PAUSED' && 'resuming a PAUSED checkpoint does nothing',
    ),
    data: { form: form ?? null },
  };
}
