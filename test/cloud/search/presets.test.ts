import { buildSpace, presetNames } from '@bespoke/cloud/search/presets.js';
import { choose, samplePath, slotWorkloads } from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const shape = (pixels: number, channels = 3, classes = 10) => {
  return { height: pixels, width: pixels, channels, classes: { length: classes } };
};
const meanMacs = (space: ReturnType<typeof buildSpace>) => {
  const stream = randomStream(0, 'presets-test');
  const macs = Array.from({ length: 200 }, () => countMacs(lower(choose(space, samplePath(space, stream)))));
  return macs.reduce((sum, value) => sum + value, 0) / macs.length;
};

describe('buildSpace', () => {
  it('keeps the preset `small` small enough for a search of minutes on two cores', () => {
    const mean = meanMacs(buildSpace({ preset: 'small' }, shape(32)));
    expect(mean).toBeGreaterThan(8e6);
    expect(mean).toBeLessThan(15e6);
  });

  it('makes `mobile-small` larger', () => {
    const mean = meanMacs(buildSpace({ preset: 'mobile-small' }, shape(32)));
    expect(mean).toBeGreaterThan(18e6);
    expect(mean).toBeLessThan(45e6);
  });

  it.each([
    [8, 1, 2],
    [28, 1, 10],
    [32, 3, 100],
    [64, 3, 5],
    [96, 3, 5],
    [224, 3, 1000],
  ])('adapts to %i pixels, %i channels, %i classes with legal slots', (pixels, channels, classes) => {
    for (const preset of presetNames.filter((name) => name !== 'custom')) {
      const space = buildSpace({ preset }, shape(pixels, channels, classes));
      expect(slotWorkloads(space)).toHaveLength(space.slots.length);
      expect(
        lower(
          choose(
            space,
            space.slots.map(() => 0),
          ),
        ).nodes.at(-1)!.shape,
      ).toEqual([classes]);
    }
  });

  it('offers Zero only where stride is 1 and the channels stay', () => {
    const stages = [
      { width: 16, depth: 2, stride: 1 },
      { width: 24, depth: 2, stride: 2 },
    ];
    const space = buildSpace({ preset: 'custom', stages, stemWidth: 16 }, shape(32));
    const empty = space.slots.filter(({ candidates }) => candidates.at(-1)!.kind === 'identity').map(({ id }) => id);
    // stage1-1 is legal too: the stem is as wide as the stage.
    expect(empty).toEqual(['stage1-1', 'stage1-2', 'stage2-2']);
  });

  it('takes kernel sizes, expansions, activation and squeeze-excite as they are given', () => {
    const stages = [{ width: 24, depth: 2, stride: 2 }];
    const settings = {
      kernelSizes: [3],
      expandRatios: [1, 4],
      activation: 'hardSwish',
      squeezeExcite: true,
      zero: false,
    } as const;
    const space = buildSpace(
      { preset: 'custom', stages, ...settings, kernelSizes: [3], expandRatios: [1, 4] },
      shape(32),
    );
    expect(space.slots.map(({ id }) => id)).toEqual(['stem', 'stage1-1', 'stage1-2', 'head']);
    expect(space.slots[2]!.candidates).toEqual([
      {
        kind: 'mbconv',
        id: 'stage1-2.k3-e1',
        outChannels: 24,
        kernelSize: 3,
        stride: 1,
        expandRatio: 1,
        activation: 'hardSwish',
        squeezeExcite: true,
      },
      {
        kind: 'mbconv',
        id: 'stage1-2.k3-e4',
        outChannels: 24,
        kernelSize: 3,
        stride: 1,
        expandRatio: 4,
        activation: 'hardSwish',
        squeezeExcite: true,
      },
    ]);
  });
});
