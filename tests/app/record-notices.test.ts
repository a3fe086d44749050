/** What the first row says of records that are not as they should be. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openActs } from '../../src/app/acts-room.ts';
import { recordNotices } from '../../src/app/record-notices.ts';
import { openJournal } from '../../src/db/ledger-journal.ts';
import { started } from '../db/ledger-records.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { roomAt, userAt, withEnvironment } from './environment.ts';

/** What is said of the records as this prepares them. */
function noticesAfter(prepare: (directory: string) => void, env = {}): readonly string[] {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'state'), { mode: 0o700 });
  prepare(directory);
  const room = withEnvironment({ ...userAt(directory), ...env }, () => openActs('create'));
  try {
    return recordNotices(room);
  } finally {
    room.close();
  }
}

describe('the records', () => {
  it('are not spoken of when all is well', () => {
    expect(noticesAfter(() => {})).toEqual([]);
  });

  it('say that orders begin anew where the file was damaged, and where it is', () => {
    const [notice, ...more] = noticesAfter((directory) =>
      writeFileSync(join(directory, 'state', 'host.db'), 'junk '.repeat(100)),
    );
    expect(notice).toMatch(
      /^RECORDS BEGUN ANEW: not an SQLite database; kept as .*host\.db\.broken-\d+T\d+Z$/,
    );
    expect(more).toEqual([]);
  });

  it('say that nothing is done while the ledger can not be used', () => {
    const notices = noticesAfter((directory) =>
      writeFileSync(join(directory, 'state', 'ledger.db'), 'junk '.repeat(100)),
    );
    expect(notices).toEqual([expect.stringMatching(/^ACTS OFF: the ledger can't be used: .*not an SQLite/)]);
  });

  it('say why the directory of the host is not used', () => {
    const elsewhere = temporaryDirectory();
    const link = join(elsewhere, 'link');
    symlinkSync(elsewhere, link);
    expect(noticesAfter(() => {}, { BINNACLE_HOST_DIR: link })).toEqual([
      `host directory not used: ${link}: it is a link`,
    ]);
    const open = join(elsewhere, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(noticesAfter(() => {}, { BINNACLE_HOST_DIR: open })).toEqual([
      `host directory not used: ${open}: everybody may write to it`,
    ]);
  });

  it('say that the disk of the ledger is full while records wait elsewhere, and no more once they came in', () => {
    const directory = temporaryDirectory();
    const room = roomAt(directory);
    if (!room.ledger.ok) throw new Error(room.ledger.error);
    openJournal(room.ledger.value.path, [join(directory, 'runtime', 'binnacle')]).add(started('late'));
    expect(recordNotices(room)).toEqual(['DISK FULL: the ledger is journal only']);
    room.ledger.value.append(started('next', 1));
    expect(recordNotices(room)).toEqual([]);
    room.close();
  });
});
