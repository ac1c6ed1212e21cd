/** What takes turns in test/bench/pipeline.mjs: single processes and pipelines that train one network, each kept open between its turns. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { splitStep } from '@bespoke/cloud/train/gpipe/idle-split.js';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { summary } from '@bespoke/cloud/train/gpipe/simulator.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { byStage, checkTrace, operationTimes } from '@bespoke/cloud/train/gpipe/trace.js';
import { trainingStageModule } from '@bespoke/cloud/train/gpipe/training-stage.js';
import { computeProcess } from '@bespoke/cloud/train/threads.js';

const aloneEntry = fileURLToPath(new URL('./pipeline-alone.mjs', import.meta.url));
export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One process. `run(stepCount)` resolves to the time of each step in ms; `ask` to what pipeline-alone.mjs answers. */
export async function openAlone(common, microBatchSizes, threadCount) {
  const child = fork(aloneEntry, [JSON.stringify({ ...common, microBatchSizes })], computeProcess(threadCount));
  child.once('exit', (code, signal) => {
    if (signal || code) throw new Error(`a process that trains alone ended: ${signal ?? `exit code ${code}`}`);
  });
  const [engine] = await once(child, 'message');
  const ask = async (request) => {
    const answer = once(child, 'message');
    child.send(request);
    return (await answer)[0];
  };
  const run = (stepCount) => ask({ request: 'run', stepCount });
  return { engine, ask, run, close: async () => child.disconnect() };
}

/** Two that train at once and have nothing to do with each other: what a step then takes for each two halves of the work, which no pipeline can beat on these processors. */
export function besideEachOther(first, second) {
  const run = async (stepCount) => {
    const [a, b] = await Promise.all([first.run(stepCount), second.run(stepCount)]);
    return a.map((timeMs, index) => 1 / (1 / timeMs + 1 / b[index]));
  };
  return { run, close: async () => {} };
}

/** A pipeline of stages with one thread each, which write a snapshot after every `snapshotEvery` steps. `steps` collects what the traces say of each step since it was last emptied. Throws where a trace breaks the schedule. */
export async function openPipeline(common, cuts, microBatchSizes, { schedule, remat, snapshotEvery }, folder) {
  const layout = { schedule, remat, stageCount: cuts.length + 1, microBatchCount: microBatchSizes.length };
  const operations = pipelineOperations(layout);
  const pipeline = await Pipeline.open({
    stages: operations.map((_, stage) => ({
      module: trainingStageModule,
      options: { ...common, cuts, stage, microBatchSizes, remat },
      threadCount: 1,
    })),
    directory: join(folder, `${schedule}-${remat}`),
    operationsOf: () => operations,
    commitsTogether: false,
    snapshotEvery,
    operationTimeoutMs: 60_000,
    onFault: ({ stage, how }) => {
      throw new Error(`stage ${stage}: ${how}`);
    },
  });
  const steps = [];
  const run = async (stepCount) => {
    const reports = [];
    for (let [count, startMs] = [0, performance.now()]; count < stepCount; count++) {
      const { trace } = await pipeline.runStep();
      const endMs = performance.now();
      reports.push({ trace, timeMs: endMs - startMs });
      startMs = endMs;
    }
    steps.push(...reports.map(({ trace, timeMs }) => describeStep(trace, layout, timeMs))); // not while a stage computes
    return reports.map(({ timeMs }) => timeMs);
  };
  return { pipeline, layout, run, steps, close: () => pipeline.close() };
}

/** Shares of K times the traced step, which is what its operations span; the rest of `timeMs` lies between steps. */
function describeStep(trace, layout, timeMs) {
  const events = trace.filter(({ kind }) => kind !== 'send' && kind !== 'recv');
  const problem = checkTrace(events, layout);
  if (problem !== null) throw new Error(`the trace breaks the schedule: ${problem}`);
  const stages = byStage(events, layout.stageCount);
  const { stepMs, idleShare } = summary(stages);
  const mean = (values) => sum(values) / values.length;
  return {
    idleShare,
    ...splitStep(events, layout),
    betweenMs: timeMs - stepMs,
    ...operationTimes(stages, mean),
  };
}
