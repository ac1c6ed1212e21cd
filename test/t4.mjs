import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import fs from 'node:fs'; import os from 'node:os';
const p=Number(process.argv[2]); if(p) try{os.setPriority(p)}catch(e){console.log(e.message)}
const rt=openTflite(Number(process.argv[3])); const s=rt.load(fs.readFileSync('/tmp/mnv2.tflite')); 
const t=[];const st=performance.now();for(let i=0;i<100&&performance.now()-st<4000;i++){const a=performance.now();s.run();t.push(performance.now()-a)}const n=t.length;t.sort((a,b)=>a-b);console.log('prio',p,'threads',process.argv[3],'n',n,'min,p25,median,p75',[0,n>>2,n>>1,n*3>>2].map(i=>t[i].toFixed(2)).join(' '));
