/**
 * How far apart are two processors? A word goes to and fro between two threads; where they share a cache it takes some 100 ns, where they do not some 500. On a virtual
 * machine the host moves them, now and then: two processes that compute then share a cache or have one each, and threads that work together wait for one another
 * more or less.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Places in the shared words, those that are written in turn on lines of their own. */
const [ping, pong, awake] = [0, 32, 64];
const [groupCount, tripsPerGroup] = [11, 500];

if (!isMainThread) echo(workerData);

/** Sleeps until it is woken, then hands back whatever comes until it is let go. */
function echo(words) {
  for (;;) {
    Atomics.wait(words, awake, 0);
    while (Atomics.load(words, awake) === 1) Atomics.store(words, pong, Atomics.load(words, ping));
  }
}

/** `tripNs()` takes some milliseconds of both processors; nanoseconds there and back, the median of some groups of trips. */
export async function openDistance() {
  const words = new Int32Array(new SharedArrayBuffer(512));
  const worker = new Worker(new URL(import.meta.url), { workerData: words });
  await new Promise((resolve) => worker.once('online', resolve));
  const tripNs = () => {
    Atomics.store(words, awake, 1);
    Atomics.notify(words, awake);
    const groups = [];
    for (let group = 0; group < groupCount; group++) {
      const startMs = performance.now();
      for (let trip = 0; trip < tripsPerGroup; trip++) {
        Atomics.store(words, ping, trip);
        while (Atomics.load(words, pong) !== trip);
      }
      groups.push((1e6 * (performance.now() - startMs)) / tripsPerGroup);
    }
    Atomics.store(words, awake, 0);
    return groups.sort((a, b) => a - b)[groupCount >> 1];
  };
  return { tripNs, close: () => worker.terminate() };
}
