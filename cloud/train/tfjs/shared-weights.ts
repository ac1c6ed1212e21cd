/**
 * Weight sharing within a slot: candidates of one kind read windows of one set of weights, so every step trains them all.
 *
 *   depthwise 7x7x96 ┌─────────────┐      kernels are centred,
 *                    │  ┌───────┐  │      channels count from the first:
 *                    │  │ 5x5x48│  │      expansion 3 has the first half
 *                    │  └───────┘  │      of expansion 6's
 *                    └─────────────┘
 *
 * ProxylessNAS gives each candidate weights of its own and trains for 150 epochs; in minutes, weights that are visited once in
 * seven steps are hardly trained. Sharing is Single-Path NAS's (arXiv 1904.02877) and Once-for-All's.
 */
import { elementCount, type Shape } from '@bespoke/shared/graph/tensor.js';
import type { WeightDeclaration } from '@bespoke/shared/graph/weights.js';

/** Where a candidate's weight lies in a variable. */
export interface WeightWindow {
  /** Name of the variable. */
  readonly variable: string;
  readonly begin: readonly number[];
  readonly size: Shape;
}

/** A weight on its own: all of the variable of the same name. */
export function wholeWindow(variable: string, size: Shape): WeightWindow {
  return { variable, begin: size.map(() => 0), size };
}

/** A weight of one candidate, as it is declared. */
export interface DeclaredWeight {
  /** `<candidate id>/<node>/<weight>` */
  readonly name: string;
  readonly declaration: WeightDeclaration;
}

export interface SharedWeights {
  /** The variables by name: the declaration of the largest weight, grown to hold all. */
  readonly variables: ReadonlyMap<string, WeightDeclaration>;
  /** By the candidates' own names. */
  readonly windows: ReadonlyMap<string, WeightWindow>;
}

/** Lays the weights of several candidates, `<node>/<weight>` by `<node>/<weight>`, into variables `<prefix>/<node>/<weight>`. */
export function shareWeights(prefix: string, weights: readonly DeclaredWeight[]): SharedWeights {
  const groups = new Map<string, DeclaredWeight[]>();
  for (const weight of weights) {
    const variable = prefix + weight.name.slice(weight.name.indexOf('/'));
    groups.set(variable, [...(groups.get(variable) ?? []), weight]);
  }
  const variables = new Map<string, WeightDeclaration>();
  const windows = new Map<string, WeightWindow>();
  for (const [variable, members] of groups) {
    const shapes = members.map(({ declaration }) => declaration.shape);
    const shape = shapes[0]!.map((_, axis) => Math.max(...shapes.map((other) => other[axis]!)));
    const largest = members.reduce((a, b) =>
      elementCount(b.declaration.shape) > elementCount(a.declaration.shape) ? b : a,
    );
    variables.set(variable, { ...largest.declaration, shape });
    for (const { name, declaration } of members) {
      // Filters of convolutions have their kernel's height and width in front.
      const centred = (axis: number) =>
        shape.length === 4 && axis < 2 ? (shape[axis]! - declaration.shape[axis]!) >> 1 : 0;
      windows.set(name, { variable, begin: shape.map((_, axis) => centred(axis)), size: declaration.shape });
    }
  }
  return { variables, windows };
}
