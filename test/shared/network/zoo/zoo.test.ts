import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { workloadsOf } from '@bespoke/shared/latency/workload.js';
import { networkOfGenotype, parseGenotype } from '@bespoke/shared/network/genotype.js';
import { lower, lowerSingle } from '@bespoke/shared/network/lower.js';
import { parseNetwork } from '@bespoke/shared/network/network.js';
import { zooNames, zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';

const counts = (graph: Parameters<typeof countParams>[0]) => [countParams(graph), countMacs(graph)];

describe('zooNetwork', () => {
  it.each([
    ['proxyless-mobile', 4_080_512, 320_427_584],
    ['proxyless-gpu', 7_119_848, 465_260_160],
    ['proxyless-cpu', 4_361_648, 439_243_864],
    ['proxyless-mobile-14', 6_857_568, 580_883_408],
    ['proxyless-cifar', 5_731_530, 1_213_155_872],
    ['mobilenet-v2', 3_504_872, 300_774_272],
    ['ea-net', 2_925_046, 466_618_176],
    ['eeea-a', 1_769_230, 271_008_576],
    ['eeea-b', 1_870_318, 301_863_744],
    ['eeea-c', 3_513_358, 562_696_416],
    ['darts-v2', 3_349_342, 528_359_040],
    ['eeea-c1', 5_068_128, 135_518_720],
    ['eeea-c2', 5_995_904, 215_040_256],
    ['ea-net-imagenet', 4_036_288, 495_630_528],
    ['eeea-a-imagenet', 2_600_032, 306_106_368],
    ['eeea-b-imagenet', 2_759_968, 343_362_048],
    ['eeea-c-imagenet', 4_812_640, 570_155_136],
    ['darts-v2-imagenet', 4_718_752, 529_911_552],
  ])('counts %s exactly', (name, params, macs) => {
    expect(counts(lower(zooNetwork(name)))).toEqual([params, macs]);
  });

  it('counts every network that it lists', () => {
    expect(zooNames).toHaveLength(18);
  });

  it.each([
    ['ea-net', 2_951_056],
    ['eeea-a', 1_795_240],
    ['eeea-b', 1_896_328],
    ['eeea-c', 3_552_328],
    ['darts-v2', 3_401_272],
  ])('counts %s with 100 classes', (name, params) => {
    expect(countParams(lower(zooNetwork(name, { classes: 100 })))).toBe(params);
  });

  it.each([
    ['ea-net', 2_335_466, 3_058_102],
    ['eeea-a', 1_406_634, 1_879_390],
    ['eeea-b', 1_488_810, 1_980_478],
    ['eeea-c', 2_808_362, 3_707_758],
  ])('counts %s with 32 channels, and with squeeze-and-excitation', (name, narrow, squeezed) => {
    expect(countParams(lower(zooNetwork(name, { channels: 32 })))).toBe(narrow);
    expect(countParams(lower(zooNetwork(name, { squeezeExcite: true })))).toBe(squeezed);
  });

  it('gives the published counts per block of proxyless-mobile', () => {
    const blocks = workloadsOf(zooNetwork('proxyless-mobile')).map(({ body, inputShapes }) =>
      counts(lowerSingle('b', body, inputShapes)).join(' / '),
    );
    expect(blocks).toContain('928 / 10838016'); // stem
    expect(blocks).toContain('896 / 10035200'); // the first block, without expansion
    expect(blocks).toContain('3760 / 18213888'); // block 1, 3k5 16 -> 32, stride 2
    expect(blocks).toContain('41680 / 13594560'); // block 9, 6k7 40 -> 80, stride 2
    expect(blocks).toContain('651520 / 31667328'); // block 21, 6k7 192 -> 320
    expect(blocks).toContain('412160 / 20070400'); // feature mix
    expect(blocks).toContain('1281000 / 1280000'); // classifier
  });

  it('widens proxyless-cifar and chooses its ops as published', () => {
    const trees = zooNetwork('proxyless-cifar').blocks.filter((block) => block.kind === 'tree');
    const histogram = new Map<string, number>();
    for (const op of trees.flatMap((tree) => tree.ops)) histogram.set(op, (histogram.get(op) ?? 0) + 1);
    expect(Object.fromEntries(histogram)).toEqual({
      dwsep7: 116,
      dil3: 90,
      maxpool: 89,
      avgpool: 89,
      identity: 96,
      dwsep5: 85,
      dwsep3: 83,
    });
    expect(trees.slice(0, 9).map((tree) => tree.outChannels)).toEqual([72, 72, 80, 88, 96, 96, 104, 112, 120]);
    expect(trees.at(-1)!.outChannels).toBe(400);
    expect(trees.flatMap((tree, index) => (tree.stride === 2 ? [index + 1] : []))).toEqual([19, 37]);
  });

  it('survives a round trip through JSON', () => {
    for (const name of zooNames) {
      const network = zooNetwork(name);
      expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
    }
  });

  it('names the nearest networks where the name is unknown', () => {
    expect(() => zooNetwork('eeea-d')).toThrow(
      'expected a file or the name of a published network, but got "eeea-d"; the nearest names are eeea-a, eeea-b, eeea-c',
    );
  });

  it('refuses an option that does not apply', () => {
    expect(() => zooNetwork('mobilenet-v2', { cells: 8 })).toThrow(
      'expected only options that apply to mobilenet-v2 (classes, resolution), but got cells',
    );
  });
});

const genotype = (normal: string, normalConcat: number[], reduce: string, reduceConcat: number[]) => {
  const names = { skip: 'skip_connect', avg: 'avg_pool_3x3', max: 'max_pool_3x3' } as Record<string, string>;
  const families = { sep: 'sep_conv', dil: 'dil_conv', inv: 'inv_res' } as Record<string, string>;
  const pairs = (text: string) =>
    text.split(',').map((pair) => {
      const [op, state] = pair.split(' ') as [string, string];
      const size = op.slice(3);
      return [names[op] ?? `${families[op.slice(0, 3)]}_${size}x${size}`, Number(state)];
    });
  return parseGenotype({ normal: pairs(normal), normalConcat, reduce: pairs(reduce), reduceConcat });
};

describe('networkOfGenotype', () => {
  // The sizes that EEEA-Net's authors logged for three earlier networks.
  it.each([
    [
      'Normal_Best_All',
      genotype(
        'skip 0,sep5 1,dil3 1,avg 0,avg 2,inv5 0,max 0,inv5 1',
        [2, 3, 4, 5],
        'inv3 0,sep5 1,max 0,max 0,sep3 0,skip 2,dil3 2,skip 0',
        [3, 4, 5],
      ),
      2_883_214,
    ],
    [
      'EE_Best_All',
      genotype(
        'dil3 0,max 1,sep5 0,dil3 2,avg 2,max 1,max 0,avg 0',
        [3, 4, 5],
        'inv5 0,avg 1,sep3 2,skip 1,sep5 2,inv5 2,dil3 2,skip 1',
        [3, 4, 5],
      ),
      2_119_294,
    ],
    [
      'Ultra_Best_All',
      genotype(
        'max 0,dil3 1,max 1,max 0,inv5 0,skip 2,max 1,sep5 2',
        [3, 4, 5],
        'sep5 0,max 1,dil3 1,inv5 0,sep5 2,max 1,skip 1,sep3 0',
        [2, 3, 4, 5],
      ),
      2_343_286,
    ],
  ])('counts %s as its authors logged it', (name, cells, params) => {
    const settings = {
      name,
      skeleton: 'cifar',
      classes: 10,
      channels: 36,
      cells: 20,
      resolution: 32,
      squeezeExcite: false,
    } as const;
    expect(countParams(lower(networkOfGenotype(cells, settings)))).toBe(params);
  });
});
