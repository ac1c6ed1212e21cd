import type { Session } from './runtime/runtime.js';

/** Numbers spread over -1..1, by the golden ratio: zeros would let a clever kernel off, denormals would slow an honest one. */
export function fillInputs({ inputs }: Pick<Session, 'inputs'>): void {
  const length = Math.max(0, ...inputs.map((input) => input.length));
  if (length > spread.length) spread = Float32Array.from({ length }, (_, i) => ((i * 0.6180339887498949) % 1) * 2 - 1);
  for (const input of inputs) input.set(spread.subarray(0, input.length));
}

/** Made once for all models. */
let spread = new Float32Array();
