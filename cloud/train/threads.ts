/** What the native backend of a child process is told by its environment, read when the library loads. */

/**
 * How many threads it may use; and that glibc's allocator keeps what is freed, for the next step wants as much again: given back to the system, every page of it is faulted
 * in and cleared anew. Chunks of up to 32 MiB, the most that glibc allows, are kept so.
 */
export function threadEnvironment(threadCount: number): Readonly<Record<string, string>> {
  return {
    TF_NUM_INTRAOP_THREADS: String(threadCount),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threadCount),
    MALLOC_MMAP_THRESHOLD_: String(2 ** 25),
    MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  };
}
