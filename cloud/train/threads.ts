/** How a child process that computes is started: its native backend is told by the environment, read when its libraries load, and Node by options. */
import type { ForkOptions } from 'node:child_process';

/**
 * For `fork`: a process with so many threads that compute. V8 collects garbage in the thread that left it: left to itself it wakes four more for that, which would take the
 * processors of the processes beside it. Its young generation is twice as large as usual, for what a stage keeps between a forward and its backward outlives the usual one.
 */
export function computeProcess(threadCount: number): Pick<ForkOptions, 'serialization' | 'execArgv' | 'env'> {
  return {
    serialization: 'advanced',
    execArgv: [...process.execArgv, '--single-threaded-gc', '--max-semi-space-size=32'],
    env: { ...process.env, ...nativeEnvironment(threadCount) },
  };
}

/**
 * How many threads it may use; and that glibc's allocator keeps what is freed, since the next step wants as much again: given back to the system, every page would be cleared
 * and mapped anew. (TensorFlow's pool, which comes with oneDNN's kernels, keeps tensors by itself.) Chunks of up to 32 MiB, the most that glibc allows. And that it asks Linux for
 * huge pages, where they are to be had for the asking: with 4 KiB each, maps of megabytes miss in the table of pages. Who has set these variables himself keeps them
 * (docs/training.md says what for).
 */
function nativeEnvironment(threadCount: number): Readonly<Record<string, string>> {
  const {
    MALLOC_MMAP_THRESHOLD_ = String(2 ** 25),
    MALLOC_TRIM_THRESHOLD_ = String(2 ** 40),
    GLIBC_TUNABLES = 'glibc.malloc.hugetlb=1',
  } = process.env;
  return {
    TF_NUM_INTRAOP_THREADS: String(threadCount),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threadCount),
    MALLOC_MMAP_THRESHOLD_,
    MALLOC_TRIM_THRESHOLD_,
    GLIBC_TUNABLES,
  };
}
