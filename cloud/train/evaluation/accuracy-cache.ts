/**
 * AccuracyCache: what was learnt of networks by training them, apart from any device's latencies. One file for each way of training (data, recipe, engine, form of the
 * stand-in network), one line for each network; studies on other devices, and those that go on after a kill, find in it what need not be trained again.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextIfThere } from '../files.js';
import { type Evaluated, probe, type Standards } from './evaluator.js';

interface Line {
  readonly key: string;
  readonly evaluated: Evaluated;
}

export class AccuracyCache {
  readonly #known = new Map<string, Evaluated>();

  private constructor(private readonly path: string) {}

  /** Reads the file at `path` where there is one. Half a line at its end, of a process that was killed, is passed over. */
  static async open(path: string): Promise<AccuracyCache> {
    const cache = new AccuracyCache(path);
    await mkdir(dirname(path), { recursive: true });
    const text = (await readTextIfThere(path)) ?? '';
    for (const line of text.split('\n')) {
      const read = parse(line);
      if (read) cache.#known.set(read.key, read.evaluated);
    }
    return cache;
  }

  get size(): number {
    return this.#known.size;
  }

  /** What is known of the network, if it says what an evaluation by these standards would say. */
  get(key: string, standards: Standards): Evaluated | undefined {
    const known = this.#known.get(key);
    if (!known) return undefined;
    const { evaluation, probeAccuracy, zeroCostScore, scoringSeconds } = known;
    if (isBelow(zeroCostScore, standards.zeroCostScore)) {
      return { ...known, evaluation: null, probeAccuracy: null, seconds: scoringSeconds };
    }
    if (probeAccuracy === null) return undefined;
    if (isBelow(probeAccuracy, standards.probeAccuracy)) {
      const wholeSeconds = known.seconds - scoringSeconds;
      const seconds = evaluation === null ? known.seconds : scoringSeconds + probe.at * wholeSeconds;
      return { ...known, evaluation: null, seconds };
    }
    return evaluation === null ? undefined : known;
  }

  /** Stored before it is acted on. A line begins afresh, whatever half a line stood before it. */
  async set(key: string, evaluated: Evaluated): Promise<void> {
    const line: Line = { key, evaluated };
    await appendFile(this.path, `\n${JSON.stringify(line)}`);
    this.#known.set(key, evaluated);
  }
}

function isBelow(reached: number, least: number | null): boolean {
  return least !== null && reached < least;
}

/** null for an empty line, and for half of one. */
function parse(line: string): Line | null {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return null;
  }
}
