/**
 * Spent models: a binding that frees a model only with the object that wraps it leaves memory to the garbage collector, which
 * sees a small object and waits. It is called when the process has grown; each call takes some 15 ms, more than loading a block.
 */

export interface ProcessMemory {
  residentBytes(): number;
  /** Absent where the process was started without `--expose-gc`. */
  readonly collect: (() => unknown) | undefined;
}

const thisProcess: ProcessMemory = { residentBytes: process.memoryUsage.rss, collect: globalThis.gc };

/** Growth that is worth a collection. */
const worthwhileBytes = 64 * 2 ** 20;

/** What to call after each model: collects when the process has grown by 64 MiB since the last time. */
export function createCollector({ residentBytes, collect }: ProcessMemory = thisProcess): () => void {
  let floorBytes = residentBytes();
  return () => {
    if (residentBytes() - floorBytes < worthwhileBytes) return;
    collect?.();
    floorBytes = residentBytes();
  };
}
