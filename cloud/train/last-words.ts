/** The end of what a child process says on stderr: for the sentence that tells of its own end. */
import type { Readable } from 'node:stream';

/** How much of it is kept, in characters: what V8 says of an end without memory stands before a stack of some twenty lines. */
const maxLength = 4000;

/** What TensorFlow says as it loads, whatever it is told by TF_CPP_MIN_LOG_LEVEL. */
const greetings = /^.*(absl::InitializeLog\(\)|oneDNN custom operations).*\n/gm;

/** Listens from now on; gives what was said last, all of it once the child has emitted `close`: `exit` may come before. */
export function lastWordsOf(stderr: Readable): () => string {
  let words = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-maxLength);
  });
  return () => words.replace(greetings, '');
}
