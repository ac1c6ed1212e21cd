/** Variables: the trained weights and their momentum, as tensors that outlive a step and are replaced by it. */
import type { Weights, WeightTensor } from '@bespoke/shared/graph/weights.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

export class Variables {
  private readonly current = new Map<string, Tensor>();
  /** Flat [n]; absent until the weight's first step. */
  private readonly momenta = new Map<string, Tensor>();

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

  /** The momentum of a weight, flat [n]; zeros before its first step. */
  velocity(name: string): Tensor {
    const found = this.momenta.get(name);
    if (found) return found;
    const zeros = this.tf.keep(this.tf.zeros([this.current.get(name)!.size]));
    this.momenta.set(name, zeros);
    return zeros;
  }

  /** Replaces a weight and its momentum; the tensors become the variables' own. */
  replace(name: string, value: Tensor, velocity: Tensor): void {
    this.current.get(name)?.dispose();
    this.momenta.get(name)?.dispose();
    this.current.set(name, this.tf.keep(value));
    this.momenta.set(name, this.tf.keep(velocity));
  }

  /** All weights, read back. */
  async readValues(): Promise<Map<string, WeightTensor>> {
    return download(this.current);
  }

  /** Weights as `value:<name>`, momenta as `velocity:<name>`: all that a step changes. */
  async readState(): Promise<Map<string, WeightTensor>> {
    const state = new Map<string, Tensor>();
    for (const [name, tensor] of this.current) state.set(`value:${name}`, tensor);
    for (const [name, tensor] of this.momenta) state.set(`velocity:${name}`, tensor);
    return download(state);
  }

  /** Takes back what `readState` gave. */
  writeState(state: Weights): void {
    const { current, momenta } = this;
    for (const name of [...current.keys()]) {
      current.get(name)!.dispose();
      current.set(name, upload(this.tf, state.get(`value:${name}`)!));
      momenta.get(name)?.dispose();
      momenta.delete(name);
      const velocity = state.get(`velocity:${name}`);
      if (velocity) momenta.set(name, upload(this.tf, velocity));
    }
  }

  dispose(): void {
    for (const tensor of [...this.current.values(), ...this.momenta.values()]) tensor.dispose();
    this.current.clear();
    this.momenta.clear();
  }
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
