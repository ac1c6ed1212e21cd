/** How a stage without memory is told from one with a defect: by what its libraries throw, or say last before they abort the process. */

/**
 * What TensorFlow says, oneDNN's kernels (status 1), V8, a worker of Node's, the system's calls, WebAssembly, and C++'s `new`, from which kernels take scratch memory: nobody catches that
 * one, so it ends the process.
 */
const signs = [
  /OOM when allocating[^\n]*/,
  /Operation received an exception:Status: 1, [^\n]*/,
  /Array buffer allocation failed/,
  /(?:JavaScript|JS) heap out of memory/,
  /process out of memory/,
  /ENOMEM: not enough memory[^\n]*/,
  /WebAssembly\.Memory\.grow[^\n]*/,
  /std::bad_alloc/,
] as const;
const sign = new RegExp(signs.map(({ source }) => source).join('|'));

/** What a person may do about it, as the end of a sentence. */
export const roomRemedy = 'take more partitions or micro-batches, or recompute more (remat always)';

/** What is to be said of a process whose error or last words these are, with the remedy; null where it is not for want of memory. */
export function describeShortage(words: string): string | null {
  const [found] = words.match(sign) ?? [];
  return found === undefined ? null : `its process has no memory left (${found}); ${roomRemedy}`;
}
