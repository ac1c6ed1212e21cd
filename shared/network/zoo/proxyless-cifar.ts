/** ProxylessNAS's published CIFAR-10 network (arXiv 1812.00332): a PyramidNet of 54 blocks, each with 12 searched ops. */
import type { Block } from '../block.js';
import type { Network } from '../network.js';
import type { TreeOp } from '../tree.js';

const opOfLetter: { readonly [letter: string]: TreeOp } = {
  '3': 'dwsep3',
  '5': 'dwsep5',
  '7': 'dwsep7',
  d: 'dil3',
  i: 'identity',
  a: 'avgpool',
  m: 'maxpool',
};

/** One word per block, one letter per searched edge, in the order of TreeBlock's `ops`. */
const words = `
  7mdi7m5d5577 aiaa3im7didd 7i3a5a3d3ad5 a55d3dd773i7 ai5dd57m7aim 7m7m35a7d3ii dmim777753ii dd5757m5aa37 7d5miimm3aad
  5i3i373i5757 7a7535diadd3 5da533a577d3 mm737d3ma57i 37md7d5di373 dam3ddai5i5i 5id5aad55573 7555d3idm737 mdii3i7m57id
  dm5aa75a73am 7di7i7dm37m5 mda3idmmm5ia da73a33a7idd dmma7i7ddiam 75m7mimiadm7 i5a5m5dd7adm 3iadddd3aaa3 d7m7immm555d
  3773aim737mm 7577a333ida3 5iaia5a73aam i3adi7ia7mid 7m5i7dm7dm77 37m3i353i35i d7d3d73i3dmi mii55a37aiad 7m75da737555
  aaaada7i5iia m7ia5iiiai7i d37mi5ai3ima 77a5a3mia3mm iia7i7ima5a7 di5im575d7id mmiaamdai53i 77577ad73m7a dadmd37didm5
  adam3mdi7dai mma7335daii3 5d7dimm735mi 773mdam5mm5m m5iad3537377 i3a577i7773a 5m53ai55am5i 3md3mai7md33 773m5i5mm337`;

const blocksPerStage = 18;
const blockCount = 3 * blocksPerStage;
const [startWidth, endWidth] = [64, 400];

/** PyramidNet's width after block `number` (1 to 54): linear from 64 to 400, rounded so that a quarter of it is even. */
function widthAfter(number: number): number {
  const quarter = Math.round((startWidth + ((endWidth - startWidth) * number) / blockCount) / 4);
  return 8 * Math.floor(quarter / 2);
}

export function proxylessCifar(name: string, classes: number, resolution: number): Network {
  const body = words
    .trim()
    .split(/\s+/)
    .map((word, index): Block => {
      const stride = index > 0 && index % blocksPerStage === 0 ? 2 : 1;
      const ops = Array.from(word, (letter) => opOfLetter[letter]!);
      return { kind: 'tree', id: `tree${index + 1}`, outChannels: widthAfter(index + 1), stride, ops };
    });
  return {
    version: 1,
    name,
    input: { height: resolution, width: resolution, channels: 3 },
    blocks: [
      { kind: 'conv', id: 'stem', outChannels: 16, kernelSize: 3, stride: 1, activation: 'none' },
      ...body,
      { kind: 'head', id: 'head', classes, norm: true },
    ],
  };
}
