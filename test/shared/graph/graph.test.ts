import { blockOf, type Graph, GraphBuilder, parseGraph, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { verifyGraph, verifyInference } from '@bespoke/shared/graph/verify.js';
import { describe, expect, it } from 'vitest';
import { refusal, spoiled } from '../refusal.js';

const conv = { filters: 4, kernel: [3, 3], stride: [2, 2], dilation: 1, bias: false, fused: 'none' } as const;

function tinyGraph(): Graph {
  const builder = new GraphBuilder();
  const x = builder.input('input', [5, 6, 3]);
  const y = builder.add('stem', 'conv', 'conv2d', conv, x);
  return builder.build([builder.add('stem', 'norm', 'batchNorm', { epsilon: 1e-3 }, y)]);
}

describe('GraphBuilder', () => {
  it('computes shapes as TensorFlow pads SAME', () => {
    expect(tensorShapes(tinyGraph())).toEqual(
      new Map([
        ['input', [5, 6, 3]],
        ['stem/conv', [3, 3, 4]],
        ['stem/norm', [3, 3, 4]],
      ]),
    );
  });

  it('refuses an input that is not there, a name used twice, and shapes that do not fit', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [4, 4, 2]);
    expect(refusal(() => builder.add('b', 'act', 'activation', { kind: 'relu' }, 'y'))).toBe(
      'GRAPH_ILLEGAL: illegal graph at b/act: expected an input that is defined before it, but got "y"',
    );
    expect(refusal(() => builder.input('x', [1]))).toBe(
      'GRAPH_ILLEGAL: illegal graph at x: expected a name used once, but got a second use',
    );
    expect(refusal(() => builder.add('b', 'dense', 'dense', { units: 2, bias: true, fused: 'none' }, x))).toBe(
      'GRAPH_ILLEGAL: illegal graph at b/dense (dense): expected a vector [C], but got 4x4x2',
    );
  });
});

describe('blockOf', () => {
  it('is the id up to the last slash', () => {
    expect([blockOf('stem/conv'), blockOf('a/b/c'), blockOf('input')]).toEqual(['stem', 'a/b', '']);
  });
});

describe('parseGraph', () => {
  it('reads what a builder built', () => {
    expect(parseGraph(JSON.parse(JSON.stringify(tinyGraph())))).toEqual(tinyGraph());
  });

  it.each([
    ['$.version', ['version'], 2],
    ['$.nodes[0].attributes.kernel', ['nodes', 0, 'attributes', 'kernel'], 3],
    ['$.nodes[0].op', ['nodes', 0, 'op'], 'conv3d'],
    ['$.nodes[1].attributes.epsilon', ['nodes', 1, 'attributes', 'epsilon'], -1],
    ['$.outputs', ['outputs'], []],
    ['$.inputs[0].shape[0]', ['inputs', 0, 'shape', 0], 0.5],
  ])('refuses a bad field with its path: %s', (where, path, field) => {
    const message = refusal(() => parseGraph(spoiled(tinyGraph(), path, field)));
    expect(message).toContain(`JSON_INVALID: expected a graph, but at ${where}: `);
  });

  it('refuses a graph that is well-formed but illegal', () => {
    const message = refusal(() => parseGraph(spoiled(tinyGraph(), ['nodes', 0, 'shape'], [5, 6, 4])));
    expect(message).toBe('GRAPH_ILLEGAL: illegal graph at stem/conv: expected shape 3x3x4, but got 5x6x4');
  });
});

describe('verifyGraph', () => {
  it.each([
    [
      'a node that reads what comes later',
      ['nodes'],
      [...tinyGraph().nodes].reverse(),
      'inputs that are defined before it',
    ],
    ['a dead node', ['outputs'], ['stem/conv'], 'a node that an output needs'],
    ['an output that is not there', ['outputs'], ['nowhere'], 'tensors of the graph'],
    ['a name used twice', ['nodes', 1, 'id'], 'stem/conv', 'a name used once'],
  ])('refuses %s', (_, path, field, expected) => {
    expect(refusal(() => verifyGraph(spoiled(tinyGraph(), path, field) as Graph))).toContain(expected);
  });
});

describe('verifyInference', () => {
  it('refuses a batch norm', () => {
    expect(refusal(() => verifyInference(tinyGraph()))).toBe(
      'GRAPH_ILLEGAL: illegal graph at stem/norm: expected an inference graph without batchNorm, but got {"epsilon":0.001}',
    );
  });
});
