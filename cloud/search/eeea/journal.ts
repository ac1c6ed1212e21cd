/**
 * Journal of an evolution: one line of JSON for every individual that was evaluated, in the order in which it counted. It is all that a search
 * needs to go on: what is random is keyed by seed and position, so a search that reads its journal draws what it drew before.
 *
 *   {"index":17,"generation":1,"genes":[…],"parents":[3,9],"operators":["crossover","mutation"],"accuracy":0.61,"probeAccuracy":0.44,…}
 *
 * A line is written whole and flushed before it is acted on. A kill may leave half a line at the end: it is cut off.
 */
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { readTextIfThere } from '../../train/files.js';

/** What of an individual does not follow from what others are. */
export type JournaledIndividual = Omit<IndividualView, 'genotype' | 'hypervolume'>;

export class Journal {
  private constructor(
    private readonly file: FileHandle,
    /** What stood in it when it was opened. */
    readonly individuals: readonly JournaledIndividual[],
  ) {}

  /** Opens the journal at `path`, or begins one. Throws `JOURNAL_DAMAGED` where a line but the last is none of its own. */
  static async open(path: string): Promise<Journal> {
    const { text, whole, individuals } = await readLines(path);
    if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
    return new Journal(await open(path, 'a'), individuals);
  }

  async append(individual: JournaledIndividual): Promise<void> {
    await this.file.appendFile(`${JSON.stringify(individual)}\n`);
    await this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** The individuals of the journal at `path`, none where there is no file; nothing is written. Throws `JOURNAL_DAMAGED`. */
export async function readJournal(path: string): Promise<readonly JournaledIndividual[]> {
  return (await readLines(path)).individuals;
}

/** All of the file, what of it are whole lines, and what these say. */
async function readLines(path: string) {
  const text = (await readTextIfThere(path)) ?? '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  return { text, whole, individuals: lines.map((line, index) => parseLine(path, line, index)) };
}

function parseLine(path: string, line: string, index: number): JournaledIndividual {
  const damaged = (problem: string, cause?: unknown) => {
    return new AppError('JOURNAL_DAMAGED', { path, line: index + 1, problem }, { cause });
  };
  let individual: JournaledIndividual;
  try {
    individual = JSON.parse(line) as JournaledIndividual;
  } catch (error) {
    throw damaged('no JSON', error);
  }
  if (individual.index !== index) throw damaged(`expected individual ${index}, but got ${individual.index}`);
  return individual;
}
