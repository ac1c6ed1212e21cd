/** The clock of traces: the monotonic clock of the host, which all its processes and threads share and nobody sets. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / 1e6;
