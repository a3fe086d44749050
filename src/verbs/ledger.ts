import { ledgerErrand } from '../app/ledger-arguments.ts';
import {
  listLedgers,
  repairOwnLedger,
  sealOwnLedger,
  verifyLedgerFiles,
  verifyLedgers,
} from '../app/ledger-verb.ts';
import type { Options } from '../config/options.ts';
import { exportedRecord, printLedger, printRepair, printSealed, printVerdicts } from '../headless/ledger.ts';
import { verbOutput } from './beside.ts';

/** `binnacle ledger`, `ledger verify`, `ledger seal` and `ledger repair`. */
export async function runLedger(options: Options): Promise<number> {
  const errand = ledgerErrand(options);
  const output = verbOutput();
  const json = options.flags.has('--json');
  try {
    switch (errand.do) {
      case 'list':
        return printLedger(listLedgers(errand.filter, errand.limit), json, output);
      case 'verify':
        return printVerdicts(
          errand.files.length > 0 ? verifyLedgerFiles(errand.files, exportedRecord) : verifyLedgers(),
          json,
          output,
        );
      case 'seal':
        return printSealed(sealOwnLedger(errand.before), output);
      case 'repair':
        return printRepair(repairOwnLedger(), output);
    }
  } finally {
    await output.flush();
  }
}
