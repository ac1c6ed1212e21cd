/** The output shape of every op, from its attributes and the shapes of its inputs; the only place that knows. */
import { AppError } from '../base/errors.js';
import { inputCounts, type OpAttributes, type OpKind, type Pair } from './op.js';
import { equalShapes, formatShape, type Shape, sameOutputSize } from './tensor.js';

type Row<A> = (attributes: A, inputs: readonly Shape[], expect: Expect) => Shape;
type Expect = (condition: boolean, expected: string) => void;

const rows: { readonly [K in OpKind]: Row<OpAttributes[K]> } = {
  conv2d: (a, [x], expect) => [...window(x!, a.stride, expect), a.filters],
  depthwiseConv2d: (a, [x], expect) => [...window(x!, a.stride, expect), x![2]!],
  dense: (a, [x], expect) => {
    expect(x!.length === 1, 'a vector [C]');
    return [a.units];
  },
  batchNorm: (_, [x]) => x!,
  activation: (_, [x]) => x!,
  add: (_, [a, b], expect) => {
    expect(equalShapes(a!, b!), 'two equal shapes');
    return a!;
  },
  scaleChannels: (_, [x, gate], expect) => {
    expect(x!.length === 3 && gate!.length === 1 && gate![0] === x![2], 'a map [H, W, C] and a gate [C]');
    return x!;
  },
  concat: (_, inputs, expect) => {
    const [first] = inputs;
    expect(
      inputs.every((x) => x.length === 3 && x[0] === first![0] && x[1] === first![1]),
      'maps [H, W, C] of equal height and width',
    );
    return [first![0]!, first![1]!, inputs.reduce((sum, x) => sum + x[2]!, 0)];
  },
  maxPool: (a, [x], expect) => [...window(x!, a.stride, expect), x![2]!],
  avgPool: (a, [x], expect) => [...window(x!, a.stride, expect), x![2]!],
  globalAvgPool: (_, [x], expect) => {
    expect(x!.length === 3, 'a map [H, W, C]');
    return [x![2]!];
  },
  slice: (a, [x], expect) => {
    expect(
      x!.length === 3 &&
        a.begin.length === 3 &&
        a.size.length === 3 &&
        a.begin.every((begin, axis) => begin + a.size[axis]! <= x![axis]!),
      `a map that holds [${a.begin}] + [${a.size}]`,
    );
    return a.size;
  },
  padChannels: (a, [x], expect) => {
    expect(x!.length === 3, 'a map [H, W, C]');
    return [x![0]!, x![1]!, x![2]! + a.after];
  },
  shuffleChannels: (a, [x], expect) => {
    expect(x!.length === 3 && x![2]! % a.groups === 0, `a map whose channels divide by ${a.groups}`);
    return x!;
  },
};

function window(x: Shape, stride: Pair, expect: Expect): [number, number] {
  expect(x.length === 3, 'a map [H, W, C]');
  return [sameOutputSize(x[0]!, stride[0]), sameOutputSize(x[1]!, stride[1])];
}

/** The output shape of an op for one sample. Throws `GRAPH_ILLEGAL` where the inputs do not fit. */
export function outputShape<K extends OpKind>(
  where: string,
  op: K,
  attributes: OpAttributes[K],
  inputs: readonly Shape[],
): Shape {
  const got = inputs.map(formatShape).join(', ') || 'no input';
  const expect: Expect = (condition, expected) => {
    if (!condition) throw new AppError('GRAPH_ILLEGAL', { where: `${where} (${op})`, expected, got });
  };
  const [least, most] = inputCounts[op];
  expect(
    inputs.length >= least && inputs.length <= most,
    least === most ? `${least} input(s)` : `at least ${least} inputs`,
  );
  return rows[op](attributes, inputs, expect);
}
