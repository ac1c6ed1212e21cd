import { startCloud } from '@bespoke/cloud/compose.js';
import { spawn } from 'node:child_process';
const no = async () => { throw new Error('x'); };
const cloud = await startCloud({ dataDirectory: 'build/smoke/data', port: 0, dashboardDirectory: 'cloud/dashboard/dist', studies: () => ({ create: no, cancel: no }) });
const agent = spawn(process.execPath, ['agent/dist/main.js','run','--url',cloud.agentUrl,'--token-file',cloud.agentTokenPath,'--name','smoke','--threads','2','--state','build/smoke/agent.json','--exit-with-parent'], { stdio: 'inherit' });
while (!cloud.store.devices.all().length) await new Promise(r => setTimeout(r, 20));
const d = cloud.store.devices.all()[0];
console.log(d.runtimes);
const w = Array.from({ length: 10 }, (_, i) => ({ kind: 'block', body: { kind: 'mbconv', outChannels: 16 + i, kernelSize: 3, expandRatio: 3, stride: 1, squeezeExcite: false, activation: 'relu6' }, inputShapes: [[16, 16, 16]], dtype: 'float32', batch: 1 }));
const t0 = performance.now();
try {
const t = await cloud.ensureMeasured(d.id, d.runtimes[0], w, { onProgress: p => console.log(p, Math.round(performance.now() - t0)) });
console.log([...t.values()]);
} catch (e) { console.log(e.message); }
console.log(await (await fetch(cloud.newLoginUrl())).text().then(s => s.slice(0, 200)));
if (process.argv[2] === 'hang') { console.log('agent pid', agent.pid); process.kill(process.pid, 'SIGKILL'); }
const ended = new Promise(r => agent.on('exit', (c, s) => r([c, s])));
agent.kill('SIGTERM');
console.log('agent exit', await ended);
await cloud.close();
