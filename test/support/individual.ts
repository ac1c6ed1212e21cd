/** An individual as a journal has it, for tests that do not care what it is. */
import type { JournaledIndividual } from '@bespoke/cloud/search/eeea/journal.js';

export const testIndividual: JournaledIndividual = {
  index: 0,
  generation: 0,
  genes: [1, 2],
  parents: [],
  operators: [],
  zeroCostScore: 100,
  probeAccuracy: 0.4,
  accuracy: 0.5,
  standards: { zeroCostScore: null, probeAccuracy: null },
  latencies: [{ predictedMs: 1.5, measuredMs: null }],
  objectives: [0.5, 1.5],
  violation: 0,
  seconds: 2,
  table: 'a',
};
