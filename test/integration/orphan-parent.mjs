/** Starts the agent that ends with its parent, says its process id, and lives until killed. Argument: the state file of a paired agent. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [statePath] = process.argv.slice(2);
const main = fileURLToPath(new URL('../../agent/dist/main.js', import.meta.url));
const args = ['run', '--state', statePath, '--exit-with-parent', String(process.pid)];
const agent = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
process.stdout.write(`agent ${agent.pid}\n`);
setInterval(() => {}, 1000);
