import { describe, expect, it } from 'vitest';
import { Program } from '../support/program.js';

describe('the fleet', () => {
  // `npm run bench:faults` does it a thousand times.
  it('counts every workload once through 30 random kills of clouds, agents and connections', async () => {
    const faults = new Program('integration/faults.mjs', ['--kills', '30', '--seed', '7']);
    const [line] = await faults.line(/\{.*\}\n/, 100_000);
    expect(JSON.parse(line)).toMatchObject({ workloads: 300, countedTwice: 0, leasesWithTwo: 0, otherNumbers: 0 });
    expect(await faults.end()).toBe(0); // it takes its children and its folder with it
  }, 110_000);
});
