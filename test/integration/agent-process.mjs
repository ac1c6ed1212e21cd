/**
/**
 * The real agent with a measurer that needs no runtime: it says what it measures on stdout, waits until a gate file exists
 * (the sentinel does not wait), and answers with samples that follow from the workload, after a time that is random around the last
 * argument. Pairs itself where it has no state file. Arguments: url, pairing code, state file, gate file, ms of a measurement (0 if
 * absent).
 */
import { existsSync } from 'node:fs';
import { runAgent } from '@bespoke/agent/agent.js';
import { pairAgent } from '@bespoke/agent/pair.js';
import { readIdentity } from '@bespoke/agent/state.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { unknownHost } from '@bespoke/shared/latency/measurement.js';

const [url, code, statePath, gatePath, measureMs = '0'] = process.argv.slice(2);
const runtime = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };
const measurer = {
  runtimes: async () => [runtime],
  async measure(workload, { fileBytes }) {
    const isSentinel = workload.kind === 'block' && workload.body.kind === sentinel.body.kind;
    process.stdout.write(`measuring ${workload.kind === 'block' ? workload.body.kind : workload.kind}\n`);
    while (!isSentinel && !existsSync(gatePath)) await new Promise((resolve) => setTimeout(resolve, 10));
    if (Number(measureMs) > 0) await new Promise((done) => setTimeout(done, 2 * Math.random() * measureMs));
    const medianMs =
      workload.kind === 'file' ? fileBytes.length : workload.body.outChannels + 1000 * (workload.inputShapes[0][2] - 3);
    return {
      ok: true,
      samplesMs: [medianMs, medianMs, medianMs],
      uncountedMs: [],
      passes: [{ counted: true, sampleCount: 3 }],
      overheadMs: 0,
      batchSize: 1,
      runtime,
      host: unknownHost,
    };
  },
};

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const log = (line) => process.stderr.write(`${line}\n`);
if (!existsSync(statePath)) await pairAgent({ cloud: { url }, code, statePath, name: 'test device' });
await runAgent({ identity: readIdentity(statePath), measurer, signal: stop.signal, log });
