/** How many threads the native backend of a child process may use: variables of its environment, read when the library loads. */
export function threadEnvironment(threadCount: number): Readonly<Record<string, string>> {
  return {
    TF_NUM_INTRAOP_THREADS: String(threadCount),
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threadCount),
  };
}
