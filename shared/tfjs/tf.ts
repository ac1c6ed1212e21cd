/** The types of tfjs that this room speaks of. `tf` itself is always an argument: an ES import would tie a Graph to one copy of it. */
export type Tf = typeof import('@tensorflow/tfjs-core');
export type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
