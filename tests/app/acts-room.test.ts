import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openActs, tryOpenActs } from '../../src/app/acts-room.ts';
import { started } from '../db/ledger-records.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { withEnvironment } from './environment.ts';

describe('records that can only be looked at', () => {
  it.each(['the ledger of its user', 'the one ledger'])('are read from a copy, %s too', (which) => {
    const state = temporaryDirectory();
    chmodSync(state, 0o2770);
    const host = which === 'the one ledger' ? '' : state;
    const own = { BINNACLE_HOST_DIR: host, BINNACLE_STATE_DIR: state };
    withEnvironment(own, () => {
      const room = openActs('create');
      expect(room.directories.isHostWide).toBe(host !== '');
      if (!room.ledger.ok) throw new Error(room.ledger.error);
      room.ledger.value.append(started('o1'));
      room.close();
    });
    // With a host's directory, nowhere to keep what is this user's own; without, where records are can't be written.
    if (host === '') chmodSync(state, 0o500);
    const nowhere = { ...own, ...(host === '' ? {} : { BINNACLE_STATE_DIR: join('/proc', 'binnacle') }) };
    withEnvironment(nowhere, () => {
      const opened = host === '' ? { ok: true as const, value: openActs('look') } : tryOpenActs('if there');
      if (!opened.ok || !opened.value?.ledger.ok) throw new Error('not opened');
      const { directories, ledger, close } = opened.value;
      expect(directories.shared).not.toBe(state);
      expect(ledger.value.find('o1', 'started')?.record).toMatchObject({ order: 'o1' });
      close();
    });
    chmodSync(state, 0o700);
  });
});
