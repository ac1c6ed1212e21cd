/** Variables: the trained weights, and what the optimizer remembers of each, as tensors that outlive a step and are replaced by it. */
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { declareWeights, type Weights, type WeightTensor } from '@bespoke/shared/graph/weights.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

/** What may be remembered of a weight: the momentum or mean of its gradients, the running mean of their squares, the running mean of the weight itself. */
export type Slot = 'velocity' | 'square' | 'average';

export class Variables {
  private readonly current = new Map<string, Tensor>();
  /** By `<slot>:<name>`, flat [n]; absent until the weight's first step. */
  private readonly remembered = new Map<string, Tensor>();

  constructor(
    private readonly tf: Tf,
    initial: Weights,
  ) {
    for (const [name, weight] of initial) this.current.set(name, upload(tf, weight));
  }

  /** Every weight by its full name. */
  get values(): ReadonlyMap<string, Tensor> {
    return this.current;
  }

  /** What is remembered of a weight, flat [n]; before its first step, what `initial` makes of it. */
  slot(slot: Slot, name: string, initial: (value: Tensor) => Tensor): Tensor {
    const key = `${slot}:${name}`;
    const found = this.remembered.get(key);
    if (found) return found;
    const made = this.tf.keep(initial(this.current.get(name)!));
    this.remembered.set(key, made);
    return made;
  }

  /** Replaces a weight and what is remembered of it; the tensors become the variables' own. */
  replace(name: string, value: Tensor, slots: { readonly [S in Slot]?: Tensor }): void {
    this.#put(this.current, name, value);
    for (const [slot, tensor] of Object.entries(slots)) this.#put(this.remembered, `${slot}:${name}`, tensor);
  }

  /** All weights, read back. */
  async readValues(): Promise<Map<string, WeightTensor>> {
    return download(this.current);
  }

  /** Weights as `value:<name>`, the rest as `<slot>:<name>`: all that a step changes. */
  async readState(): Promise<Map<string, WeightTensor>> {
    const values = [...this.current].map(([name, tensor]) => [`value:${name}`, tensor] as const);
    return download(new Map([...values, ...this.remembered]));
  }

  /** Takes back what `readState` gave; what is of other weights is passed over. */
  writeState(state: Weights): void {
    this.#forget();
    for (const [key, weight] of state) {
      const [kind, name] = splitKey(key);
      if (!this.current.has(name)) continue;
      if (kind === 'value') this.#put(this.current, name, upload(this.tf, weight));
      else this.remembered.set(key, upload(this.tf, weight));
    }
  }

  dispose(): void {
    this.#forget();
    for (const tensor of this.current.values()) tensor.dispose();
    this.current.clear();
  }

  #put(tensors: Map<string, Tensor>, key: string, tensor: Tensor): void {
    tensors.get(key)?.dispose();
    tensors.set(key, this.tf.keep(tensor));
  }

  #forget(): void {
    for (const tensor of this.remembered.values()) tensor.dispose();
    this.remembered.clear();
  }
}

/** The weights of `graph` that come of a training, from its state: their running means where it has them. An auxiliary head is left behind. */
export function trainedWeights(graph: Graph, state: Weights): Map<string, WeightTensor> {
  return new Map(
    [...declareWeights(graph).keys()].flatMap((name) => {
      const value = state.get(`value:${name}`);
      if (!value) return []; // statistics that are measured at the end
      return [[name, { shape: value.shape, values: (state.get(`average:${name}`) ?? value).values }] as const];
    }),
  );
}

function splitKey(key: string): readonly [kind: string, name: string] {
  const at = key.indexOf(':');
  return [key.slice(0, at), key.slice(at + 1)];
}

function upload(tf: Tf, { shape, values }: WeightTensor): Tensor {
  return tf.keep(tf.tensor(values, [...shape]));
}

async function download(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, WeightTensor>> {
  const weights = new Map<string, WeightTensor>();
  for (const [name, tensor] of tensors)
    weights.set(name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array });
  return weights;
}
