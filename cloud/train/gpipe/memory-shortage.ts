/** How a stage without memory is told from one with a defect: by what its libraries throw, or say last before they abort the process. */

/**
 * What TensorFlow says, oneDNN's kernels (status 1), V8, WebAssembly and C++'s `new`, which scratch memory of kernels comes from: it ends the process,
 * for nobody catches it.
 */
const signs =
  /OOM when allocating[^\n]*|Operation received an exception:Status: 1, [^\n]*|Array buffer allocation failed|JavaScript heap out of memory|WebAssembly\.Memory\.grow[^\n]*|std::bad_alloc/;

/** What is to be said of a stage whose error or last words these are, with the remedy; null where it is not for want of memory. */
export function describeShortage(words: string): string | null {
  const [sign] = words.match(signs) ?? [];
  if (sign === undefined) return null;
  return `its process has no memory left (${sign}); take more partitions or micro-batches, or recompute more (remat always)`;
}
