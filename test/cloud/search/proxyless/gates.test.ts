import { adamDefaults, adamState, adamStepSize } from '@bespoke/cloud/search/proxyless/adam.js';
import {
  gateToAlphaGradient,
  rescale,
  sampleGate,
  sampleGates,
  softmax,
  warmupPath,
} from '@bespoke/cloud/search/proxyless/gates.js';
import { expectedLatencyGradient, expectedLatencyMs } from '@bespoke/cloud/search/proxyless/latency-loss.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const close = (got: readonly number[], expected: readonly number[], tolerance = 1e-9) => {
  expect(got).toHaveLength(expected.length);
  got.forEach((value, index) => {
    expect(Math.abs(value - expected[index]!)).toBeLessThanOrEqual(tolerance);
  });
};

// Computed from the reference code (mit-han-lab/proxylessnas, mix_op.py): a, active 2, inactive 0, dL/dg2 = -.4, dL/dg0 = .5.
const a = [0.1, -0.2, 0.3, 0.0];
const pair = [a[2]!, a[0]!];
const pairGateGradients = [-0.4, 0.5];
const latencyMs = [6.27, 7.9, 10.21, 11.09];

describe('softmax', () => {
  it('gives the probabilities of the test vector', () => {
    close(softmax(a), [0.2585944916, 0.1915715111, 0.315848025, 0.2339859721], 1e-9);
    close(softmax(pair), [0.5498339973, 0.4501660027], 1e-9);
  });

  it('does not overflow', () => {
    expect(softmax([1000, 0])).toEqual([1, 0]);
  });
});

describe('gateToAlphaGradient', () => {
  it('gives the pair gradient of the test vector', () => {
    close(gateToAlphaGradient(pair, pairGateGradients), [-0.2227649154, 0.2227649154], 1e-9);
  });

  it('gives the full gradient of the test vector', () => {
    close(gateToAlphaGradient(a, [0.5, 0.1, -0.4, 0.05]), [0.1205530061, 0.012679259, -0.1370194485, 0.0037871834]);
  });

  it('sums to zero and ignores what all gates have in common', () => {
    const gradients = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(gradients, fc.double({ min: -9, max: 9, noNaN: true }), (values, shift) => {
        const alphas = [0.4, -1, 2];
        const gradient = gateToAlphaGradient(alphas, values);
        close([gradient.reduce((sum, value) => sum + value, 0)], [0], 1e-12);
        close(
          gateToAlphaGradient(
            alphas,
            values.map((value) => value + shift),
          ),
          gradient,
          1e-12,
        );
      }),
    );
  });
});

describe('rescale', () => {
  it('ends the two-path step of the test vector where the reference does', () => {
    expect(Math.abs(expectedLatencyMs([pair], [[10.21, 6.27]], 0) - 8.4363459494)).toBeLessThanOrEqual(1e-9);
    const loss = gateToAlphaGradient(pair, pairGateGradients);
    // add#linear: 0.1 * (E - 80) / 80 over the pair, as the reference has it.
    const latency = expectedLatencyGradient([pair], [[10.21, 6.27]])[0]!;
    const total = loss.map((value, index) => value + (0.1 / 80) * latency[index]!);
    close(total, [-0.2215458963, 0.2215458963]);

    const state = adamState(2);
    const stepped = pair.map((alpha, i) => alpha - adamStepSize(state, i, total[i]!, adamDefaults) * total[i]!);
    const [a2, a0] = rescale(pair, stepped);
    const after = [a0!, a[1]!, a2!, a[3]!];
    close(after, [0.0988998371, -0.2, 0.300899837, 0]);
    close(softmax(after), [0.258310152, 0.1915715111, 0.3161323649, 0.2339859721]);
  });

  it('leaves the probabilities of all others alone, to 1e-12', () => {
    const alpha = fc.double({ min: -8, max: 8, noNaN: true });
    const alphas = fc.array(alpha, { minLength: 4, maxLength: 9 });
    fc.assert(
      fc.property(alphas, alpha, alpha, (before, x, y) => {
        const [first, second] = rescale(before.slice(0, 2), [x, y]);
        const p = softmax(before);
        const q = softmax([first!, second!, ...before.slice(2)]);
        close(q.slice(2), p.slice(2), 1e-12);
      }),
    );
  });
});

describe('expectedLatencyMs', () => {
  it('gives the full expectation of the test vector', () => {
    expect(Math.abs(expectedLatencyMs([a], [latencyMs], 0) - 8.954515168)).toBeLessThanOrEqual(1e-9);
  });
});

describe('sampleGate', () => {
  it('draws two different candidates in two-path mode, as often as their probabilities say', () => {
    const alphas = [0, 1, 2];
    const counts = [0, 0, 0];
    const actives = [0, 0, 0];
    const draws = 20_000;
    const stream = randomStream('gate-test');
    for (let draw = 0; draw < draws; draw++) {
      const { candidates, active } = sampleGate(alphas, 'two', stream);
      expect(new Set(candidates).size).toBe(2);
      for (const candidate of candidates) counts[candidate]! += 1 / draws;
      actives[candidates[active]!]! += 1 / draws;
    }
    const [p0, p1, p2] = softmax(alphas) as [number, number, number];
    const both = (x: number, y: number) => (x * y) / (1 - x) + (x * y) / (1 - y);
    close(counts, [both(p0, p1) + both(p0, p2), both(p1, p0) + both(p1, p2), both(p2, p0) + both(p2, p1)], 0.012);
    const odds = (x: number, y: number) => x / (x + y);
    expect(Math.abs(actives[2]! - (both(p2, p0) * odds(p2, p0) + both(p2, p1) * odds(p2, p1)))).toBeLessThan(0.012);
  });

  it('draws two different candidates even where one has all the probability', () => {
    const gate = sampleGate([0, 2000, 0], 'two', randomStream('peak'));
    expect(gate.candidates[0]).toBe(1);
    expect(gate.candidates[1]).not.toBe(1);
    expect(gate.active).toBe(0);
  });

  it('looks at all candidates in full mode and at one in a fixed slot', () => {
    expect(sampleGate([0, 0, 0], 'full', randomStream(1)).candidates).toEqual([0, 1, 2]);
    expect(sampleGate([0], 'two', randomStream(1))).toEqual({ candidates: [0], active: 0 });
  });
});

describe('sampleGates', () => {
  it('depends on seed and step alone', () => {
    const alphas = [[0, 0, 0], [0, 0, 0, 0], [0]];
    expect(sampleGates(alphas, 'two', 7, 12)).toEqual(sampleGates(alphas, 'two', 7, 12));
    const steps = Array.from({ length: 20 }, (_, step) => JSON.stringify(sampleGates(alphas, 'two', 7, step)));
    expect(new Set(steps).size).toBeGreaterThan(10);
  });
});

describe('warmupPath', () => {
  it('trains every candidate of a slot equally often in every N steps', () => {
    const counts = [1, 3, 4];
    const paths = Array.from({ length: 12 }, (_, step) => warmupPath(counts, 5, step));
    expect(
      paths
        .slice(3, 6)
        .map((path) => path[1])
        .sort(),
    ).toEqual([0, 1, 2]);
    expect(
      paths
        .slice(8, 12)
        .map((path) => path[2])
        .sort(),
    ).toEqual([0, 1, 2, 3]);
    expect(paths.every((path) => path[0] === 0)).toBe(true);
  });
});
