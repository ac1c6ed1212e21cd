/** A process of the profiler: measures what it is asked, one thing at a time. It ends with the process that started it. */
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { type PackedDataset, readPacked } from '../data/packed.js';
import { openBackend } from '../tfjs/backend.js';
import { describeShortage } from './memory-shortage.js';
import { measureStep, profileBlocks } from './profile.js';
import type { FromProfile, ProfileCall, ProfileCalls, ProfileSubject, ToProfile } from './profiler.js';
import { measureTransfer } from './transfer.js';

const answers: {
  readonly [C in ProfileCall]: (
    subject: ProfileSubject,
    argument: ProfileCalls[C]['argument'],
  ) => Promise<ProfileCalls[C]['answer']>;
} = {
  blocks: async (subject, { microBatchSize }) => {
    const [tf, data] = await opened(subject);
    return profileBlocks(tf, { ...subject, data, microBatchSize });
  },
  step: async (subject, { microBatchSizes }) => {
    const [tf, data] = await opened(subject);
    return measureStep(tf, { ...subject, data, microBatchSizes });
  },
  transfer: () => measureTransfer(),
};

/** Of the only subject that a process ever has. */
let opening: Promise<readonly [Tf, PackedDataset]> | null = null;

function opened({ backend, dataDirectory }: ProfileSubject): Promise<readonly [Tf, PackedDataset]> {
  opening ??= openBackend(backend).then(async ({ tf }) => [tf, await readPacked(dataDirectory)] as const);
  return opening;
}

process.on('message', async ({ subject, call, argument }: ToProfile) => {
  try {
    reply({ answer: await answers[call](subject, argument as never) });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    reply({ problem: describeShortage(problem) ?? problem });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {}); // of a terminal goes to all its processes: the coordinator decides what follows

function reply(message: FromProfile): void {
  process.send!(message);
}
