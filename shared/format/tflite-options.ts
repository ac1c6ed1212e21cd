/** The option tables of TensorFlow Lite's operators, from the attributes of our ops. Operators without options need none. */
import type { FusedActivation, OpAttributes, Pair } from '../graph/op.js';
import { ActivationFunctionType } from './generated/activation-function-type.js';
import { AddOptions } from './generated/add-options.js';
import { BuiltinOptions } from './generated/builtin-options.js';
import { ConcatenationOptions } from './generated/concatenation-options.js';
import { Conv2DOptions } from './generated/conv2doptions.js';
import { DepthwiseConv2DOptions } from './generated/depthwise-conv2doptions.js';
import { FullyConnectedOptions } from './generated/fully-connected-options.js';
import { MulOptions } from './generated/mul-options.js';
import { Padding } from './generated/padding.js';
import { Pool2DOptions } from './generated/pool2doptions.js';
import { ReducerOptions } from './generated/reducer-options.js';
import { ReshapeOptions } from './generated/reshape-options.js';
import type { OperatorOptions } from './tflite-model.js';

const fusedCode: { readonly [F in FusedActivation]: ActivationFunctionType } = {
  none: ActivationFunctionType.NONE,
  relu: ActivationFunctionType.RELU,
  relu6: ActivationFunctionType.RELU6,
};

// The format puts widths first; pairs are [along height, along width].
const widthFirst = ([height, width]: Pair): [number, number] => [width, height];

export const convOptions = ({ stride, dilation, fused }: OpAttributes['conv2d']): OperatorOptions => ({
  type: BuiltinOptions.Conv2DOptions,
  write: (builder) => {
    const strides = widthFirst(stride);
    return Conv2DOptions.createConv2DOptions(builder, Padding.SAME, ...strides, fusedCode[fused], dilation, dilation);
  },
});

export const depthwiseOptions = ({ stride, dilation, fused }: OpAttributes['depthwiseConv2d']): OperatorOptions => ({
  type: BuiltinOptions.DepthwiseConv2DOptions,
  write: (builder) => {
    const filtersPerChannel = 1;
    const last = [filtersPerChannel, fusedCode[fused], dilation, dilation] as const;
    return DepthwiseConv2DOptions.createDepthwiseConv2DOptions(builder, Padding.SAME, ...widthFirst(stride), ...last);
  },
});

export const poolOptions = ({ kernel, stride }: OpAttributes['maxPool']): OperatorOptions => ({
  type: BuiltinOptions.Pool2DOptions,
  write: (builder) => {
    const window = [...widthFirst(stride), ...widthFirst(kernel)] as const;
    return Pool2DOptions.createPool2DOptions(builder, Padding.SAME, ...window, ActivationFunctionType.NONE);
  },
});

export const denseOptions = ({ fused }: OpAttributes['dense']): OperatorOptions => ({
  type: BuiltinOptions.FullyConnectedOptions,
  write: (builder) => FullyConnectedOptions.createFullyConnectedOptions(builder, fusedCode[fused]),
});

export const addOptions = (fused: FusedActivation): OperatorOptions => ({
  type: BuiltinOptions.AddOptions,
  write: (builder) => AddOptions.createAddOptions(builder, fusedCode[fused]),
});

export const mulOptions: OperatorOptions = {
  type: BuiltinOptions.MulOptions,
  write: (builder) => MulOptions.createMulOptions(builder, ActivationFunctionType.NONE),
};

/** Along the channels of [batch, H, W, C]. */
export const concatOptions: OperatorOptions = {
  type: BuiltinOptions.ConcatenationOptions,
  write: (builder) => ConcatenationOptions.createConcatenationOptions(builder, 3, ActivationFunctionType.NONE),
};

export const meanOptions: OperatorOptions = {
  type: BuiltinOptions.ReducerOptions,
  write: (builder) => ReducerOptions.createReducerOptions(builder, true),
};

export const reshapeOptions = (shape: readonly number[]): OperatorOptions => ({
  type: BuiltinOptions.ReshapeOptions,
  write: (builder) =>
    ReshapeOptions.createReshapeOptions(builder, ReshapeOptions.createNewShapeVector(builder, [...shape])),
});
