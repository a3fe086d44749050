import { startCockpit, temporaryDirectory } from '/work/main/tests/e2e/cockpit.ts';
import { layOutCase } from '/work/main/tests/systems/fixture-case.ts';
import { closeTerminals } from '/work/main/tests/e2e/terminal.ts';
const state = temporaryDirectory('probe');
const laid = await layOutCase('orket', 'model-timeout');
const t = startCockpit({ args: ['-s', `orket=${laid.dir}`, '--at', '2026-02-10T05:00:00Z'], state: state.path });
await t.waitFor('fresh', 20000);
const pause=(ms:number)=>new Promise(r=>setTimeout(r,ms));
await pause(1000);
const strip=(rows:string[])=>rows.slice(1);
const before=t.screen();
let bad=0;
const sizes=[[200,50],[80,24],[60,15],[30,3],[1,1]] as const;
for(let round=0;round<12;round++){
  for(const [c,r] of sizes){ t.resize(c,r); if(round%3) await pause(round*7); }
  t.resize(120,40);
  await pause(600);
  const after=t.screen();
  const diff=after.flatMap((row,i)=>i>0&&row!==before[i]?[`${i}: ${row}\n    was ${before[i]}`]:[]);
  if(diff.length){bad++; console.log('round',round,diff.length,'\n',diff.slice(0,4).join('\n'));}
}
console.log('bad rounds',bad);
await closeTerminals(); laid.remove(); state.remove(); process.exit(0);
