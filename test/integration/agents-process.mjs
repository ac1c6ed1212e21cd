/**
 * Many real agents in one process, each with a state file of its own, with a measurer that needs no runtime. Arguments: state files.
 * Says on stdout how many jobs were measured, after each.
 */
import { runAgent } from '@bespoke/agent/agent.js';
import { readIdentity } from '@bespoke/agent/state.js';

const runtime = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };
let measuredCount = 0;
const measurer = {
  runtimes: async () => [runtime],
  async measure() {
    process.stdout.write(`measured ${++measuredCount}\n`);
    return { ok: false, reason: 'refused', log: 'nothing is measured here' };
  },
};
async function live(path) {
  for (;;) {
    try {
      const { signal } = new AbortController();
      await runAgent({ identity: readIdentity(path), measurer, signal, log: () => {} });
    } catch (error) {
      // `bye: replaced` ends an agent on purpose; its service starts it again.
      if (error.code !== 'AGENT_REPLACED') throw error;
    }
  }
}
await Promise.all(process.argv.slice(2).map(live));
