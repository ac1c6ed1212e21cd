/** What a child process that computes is told when it starts: its native backend by the environment, read when its libraries load, and Node by options. */

/**
 * How many threads it may use; and that glibc's allocator keeps what is freed, since the next step wants as much again: given back to the system, every page would be cleared
 * and mapped anew. Chunks of up to 32 MiB, the most that glibc allows. Who has set these variables himself keeps them (docs/training.md says what for).
 */
export function nativeEnvironment(threadCount: number): Readonly<Record<string, string>> {
  const { MALLOC_MMAP_THRESHOLD_ = String(2 ** 25), MALLOC_TRIM_THRESHOLD_ = String(2 ** 40) } = process.env;
  return {
    TF_NUM_INTRAOP_THREADS: String(threadCount),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threadCount),
    MALLOC_MMAP_THRESHOLD_,
    MALLOC_TRIM_THRESHOLD_,
  };
}

/**
 * Options of Node for such a process: V8 collects garbage in the thread that left it. Left to itself it wakes four threads more for that, which a pipeline has no processors
 * for: they would take those of the neighbouring stages.
 */
export const computeArguments: readonly string[] = ['--single-threaded-gc'];
