/**
 * Surrogate: what an evaluation will probably give, learnt from those that were made. Kernel ridge regression over genotypes in groups of genes:
 *
 *   k(a, b) = similarity ^ (groups in which a and b differ)          value(x) = mean + sum over told of weight x k(x, told)
 *
 * Two genotypes are the more alike the fewer groups differ; the kernel is a product over groups, so it knows of groups that matter only together. One that is
 * like nothing that was told gets the mean.
 */
export interface SurrogateSettings {
  /** Genes of a group. */
  readonly groupSize: number;
  /** Of two genotypes that differ in one group, 0..1. */
  readonly similarity: number;
  /** Variance of an evaluation's noise, as a share of that of all values. */
  readonly noiseShare: number;
}

export class Surrogate {
  readonly #powers: Float64Array;
  readonly #mean: number;
  readonly #weights: Float64Array;

  /** Learns from genotypes and their values, one each. O(n^3), n^2 numbers. */
  constructor(
    private readonly told: readonly (readonly number[])[],
    values: readonly number[],
    private readonly settings: SurrogateSettings,
  ) {
    const count = told.length;
    const groupCount = count === 0 ? 0 : told[0]!.length / settings.groupSize;
    this.#powers = Float64Array.from({ length: groupCount + 1 }, (_, differing) => settings.similarity ** differing);
    this.#mean = values.reduce((sum, value) => sum + value, 0) / Math.max(count, 1);
    const matrix = new Float64Array(count * count);
    for (let row = 0; row < count; row++) {
      for (let column = 0; column <= row; column++)
        matrix[row * count + column] = this.#kernel(told[row]!, told[column]!);
      matrix[row * count + row]! += settings.noiseShare;
    }
    this.#weights = Float64Array.from(values, (value) => value - this.#mean);
    choleskySolve(matrix, this.#weights);
  }

  /** The expected value of a genotype. */
  predict(genotype: readonly number[]): number {
    let value = this.#mean;
    for (let index = 0; index < this.told.length; index++)
      value += this.#weights[index]! * this.#kernel(genotype, this.told[index]!);
    return value;
  }

  #kernel(a: readonly number[], b: readonly number[]): number {
    const { groupSize } = this.settings;
    let differing = 0;
    for (let start = 0; start < a.length; start += groupSize) {
      for (let gene = start; gene < start + groupSize; gene++) {
        if (a[gene] === b[gene]) continue;
        differing++;
        break;
      }
    }
    return this.#powers[differing]!;
  }
}

/** Solves matrix x = vector in place of the vector, for a symmetric positive definite matrix of which the lower half is given, and overwritten. */
function choleskySolve(matrix: Float64Array, vector: Float64Array): void {
  const count = vector.length;
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * count + column]!;
      for (let k = 0; k < column; k++) sum -= matrix[row * count + k]! * matrix[column * count + k]!;
      matrix[row * count + column] = column === row ? Math.sqrt(sum) : sum / matrix[column * count + column]!;
    }
  }
  for (let row = 0; row < count; row++) {
    let sum = vector[row]!;
    for (let k = 0; k < row; k++) sum -= matrix[row * count + k]! * vector[k]!;
    vector[row] = sum / matrix[row * count + row]!;
  }
  for (let row = count - 1; row >= 0; row--) {
    let sum = vector[row]!;
    for (let k = row + 1; k < count; k++) sum -= matrix[k * count + row]! * vector[k]!;
    vector[row] = sum / matrix[row * count + row]!;
  }
}
