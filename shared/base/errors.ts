/**
 * Every way in which Bespoke fails on purpose: one table of codes.
 *
 * A message says what was expected, what came instead, where, and the remedy
 * where one is known. Callers branch on `code`, never on the text. The table is
 * repeated for people in docs/errors.md; test/shared/base/errors.test.ts holds the two together.
 */
export interface ErrorDetails {
  JSON_INVALID: { what: string; path: string; problem: string };
  GRAPH_ILLEGAL: { where: string; expected: string; got: string };
  NETWORK_ILLEGAL: { path: string; problem: string };
  ZOO_NAME_UNKNOWN: { name: string; nearest: string };
  ZOO_OPTION_UNFIT: { network: string; option: string; allowed: string };
  WEIGHTS_MISMATCH: { name: string; expected: string; got: string };
  SPACE_CHOICE_INVALID: { slot: string; candidates: number; got: number };
  SPACE_SHAPES_DIFFER: { slot: string; first: string; expected: string; candidate: string; got: string };
  GENOTYPE_OUTSIDE: { space: string; cell: string; expected: string; got: string };
  EVOLUTION_EXHAUSTED: { tries: number; knownCount: number };
  EVOLUTION_TELL_INVALID: { key: string; problem: string };
  EVALUATION_DIED: { attempts: number; how: string; lastWords: string };
  WIRE_INVALID: { problem: string };
  STAGE_FAILED: { stage: number; problem: string };
  STAGE_LOST: { stage: number; faultCount: number; how: string; lastWords: string; remedy: string };
  HOSTS_INVALID: { path: string; line: number; where: string; problem: string };
  HOST_REFUSED: { host: string; problem: string };
  JOURNAL_DAMAGED: { path: string; line: number; problem: string };
  ARCHIVE_UNUSABLE: { id: string; problem: string };
  GATES_UNPASSABLE: { tries: number; params: number; latency: number; fastestSeenMs: number | null };
  SPACE_NONE_WITHIN: { lowMs: number; highMs: number; tries: number; fastestSeenMs: number };
  BUDGET_TOO_SMALL: { budgetMs: number; fastestMs: number };
  SEARCH_LATENCY_INVALID: { slot: string; candidate: string; got: string };
  SEARCH_DIVERGED: { step: number; what: string; got: number };
  SEARCH_CHECKPOINT_MISMATCH: { directory: string; expected: string; got: string };
  SPEC_INVALID: { line: number; path: string; problem: string };
  SPEC_KEY_UNKNOWN: { line: number; key: string; section: string; nearest: string };
  PLAN_TOO_SHORT: { minutes: number; neededMinutes: number };
  DATA_NOT_FOUND: { source: string };
  DATA_FORMAT_UNKNOWN: { source: string; problem: string };
  DATA_ARCHIVE_DAMAGED: { path: string; problem: string };
  DATA_NO_IMAGES: { path: string };
  DATA_ONE_CLASS: { path: string; name: string };
  DATA_CLASSES_DIFFER: { split: string; missing: string; unexpected: string };
  DATA_TOO_FEW: { split: string; name: string; count: number };
  DATA_IMAGE_INVALID: { path: string; problem: string };
  DATA_TOO_LARGE: {
    count: number;
    height: number;
    width: number;
    byteCount: number;
    mostBytes: number;
    resolution: number;
  };
  DATA_SIZES_DIFFER: { path: string; expected: string; got: string };
  DATA_DOWNLOAD_FAILED: { url: string; problem: string; path: string };
  DATA_HASH_MISMATCH: { path: string; expected: string; got: string };
  DATA_PACKED_INVALID: { path: string; problem: string };
  SAFETENSORS_INVALID: { problem: string };
  CHECKPOINT_INVALID: { directory: string; problem: string };
  CHECKPOINT_FOREIGN: { directory: string; what: string };
  NETWORK_DATA_MISFIT: { what: string; network: string; data: string };
  PROFILE_FAILED: { problem: string };
  TRAINING_IN_USE: { directory: string };
  TRAINING_STOPPED: { directory: string };
  BACKEND_UNAVAILABLE: { backend: string; problem: string };
  EXPORT_SHAPE_DIFFERS: { expected: number; got: number };
  PIPELINE_COUNT_INVALID: { what: string; got: number; most: number; ofWhat: string };
  PIPELINE_COST_INVALID: { where: string; got: number };
  PIPELINE_MEMORY_EXCEEDED: { what: string; byteCount: number; capBytes: number };
  PIPELINE_STUCK: { stage: number; kind: string; microBatch: number };
  RUNTIME_UNAVAILABLE: { runtime: string; problem: string; remedy: string };
  RUNTIME_REFUSED: { runtime: string; problem: string };
  RUNTIME_NOT_ADDED: { runtime: string; problem: string };
  WORKLOAD_TOO_LARGE: { what: string; limit: number; got: number };
  MESSAGE_INVALID: { path: string; problem: string };
  MESSAGE_TOO_LARGE: { byteCount: number; limitBytes: number };
  PROTOCOL_VERSION_DIFFERS: { expected: number; got: number };
  AGENT_TOKEN_UNKNOWN: Record<string, never>;
  AGENT_UNKNOWN: { agentId: string };
  AGENT_REVOKED: { agentId: string };
  AGENT_PROOF_INVALID: { agentId: string };
  AGENT_ID_TAKEN: { agentId: string };
  AGENT_NOT_PAIRED: { path: string };
  PAIRING_CODE_UNKNOWN: Record<string, never>;
  PAIRING_LIMITED: { waitMs: number };
  PAIRING_FAILED: { url: string; problem: string };
  CLOUD_DIFFERS: { url: string; expected: string; got: string };
  PLAIN_REFUSED: { address: string; remedy: string };
  TLS_FILE_INVALID: { path: string; problem: string };
  AGENT_SILENT: { timeoutMs: number };
  AGENT_REPLACED: { agentId: string };
  AGENT_STATE_INVALID: { path: string; problem: string };
  ARTIFACT_UNAVAILABLE: { sha256: string; problem: string };
  ARTIFACT_DAMAGED: { sha256: string; got: string };
  LOGIN_REQUIRED: Record<string, never>;
  LOGIN_TOKEN_INVALID: Record<string, never>;
  ORIGIN_REFUSED: { expected: string; got: string };
  REQUEST_INVALID: { path: string; problem: string };
  NOT_FOUND: { what: string; id: string };
  PORT_IN_USE: { host: string; port: number };
  CONFIG_INVALID: { path: string; problem: string };
  STORE_IN_USE: { directory: string };
  STORE_TOO_NEW: { path: string; expected: number; got: number };
  DEVICE_RUNTIME_MISSING: { device: string; expected: string; got: string };
  MEASUREMENTS_FAILED: { failed: number; total: number; workload: string; reason: string; log: string };
  EXPORT_DIFFERS: { got: string };
  STUDY_PROCESS_DIED: { how: string; lastWords: string };
  DEVICE_AMBIGUOUS: { wanted: string | null; known: readonly string[] };
  SERVICE_UNAVAILABLE: { problem: string; remedy: string };
  AGENT_NOT_JOINED: { lastWords: string };
  STUDY_FAILED: { id: string; why: string };
  FILE_UNREADABLE: { path: string; problem: string };
  TABLE_INVALID: { path: string; line: number; field: string; problem: string };
  LATENCY_SAMPLES_EMPTY: Record<string, never>;
  LATENCY_SAMPLE_INVALID: { index: number; value: number };
}

/** The remedy for everything that an agent is refused for. */
const howToPair =
  'get a code in the dashboard (Add a device) or with `npx bespoke device pair`, then run on the device: `npx bespoke agent pair URL CODE`';

const messages: { readonly [C in keyof ErrorDetails]: (details: ErrorDetails[C]) => string } = {
  JSON_INVALID: (d) => `expected ${d.what}, but at ${d.path}: ${d.problem}`,
  GRAPH_ILLEGAL: (d) => `illegal graph at ${d.where}: expected ${d.expected}, but got ${d.got}`,
  NETWORK_ILLEGAL: (d) => `illegal network at ${d.path}: ${d.problem}`,
  ZOO_NAME_UNKNOWN: (d) =>
    `expected a file or the name of a published network, but got "${d.name}"; the nearest names are ${d.nearest}`,
  ZOO_OPTION_UNFIT: (d) => `expected only options that apply to ${d.network} (${d.allowed}), but got ${d.option}`,
  WEIGHTS_MISMATCH: (d) => `weight ${d.name}: expected ${d.expected}, but got ${d.got}`,
  SPACE_CHOICE_INVALID: (d) => `slot ${d.slot}: expected a candidate from 0 to ${d.candidates - 1}, but got ${d.got}`,
  SPACE_SHAPES_DIFFER: (d) =>
    `slot ${d.slot}: expected all candidates to give ${d.expected} as ${d.first} does, but ${d.candidate} gives ${d.got}`,
  GENOTYPE_OUTSIDE: (d) =>
    `expected a genotype of the space ${d.space}, with ${d.expected} in its ${d.cell} cell, but got ${d.got}`,
  EVOLUTION_EXHAUSTED: (d) =>
    `expected a genotype that is new and admitted, but in ${d.tries} draws there was none beside the ${d.knownCount} known; the space is searched through: stop here, enlarge it or admit more`,
  EVOLUTION_TELL_INVALID: (d) => `expected an evaluation that fits, but that of ${d.key} does not: ${d.problem}`,
  EVALUATION_DIED: (d) =>
    `expected to train and judge a network, but ${d.attempts} processes in a row died under it (${d.how})${d.lastWords && `; last words: ${d.lastWords.trim()}`}; is there memory enough for so many workers?`,
  WIRE_INVALID: (d) => `expected whole frames of tensors from the neighbouring stage, but ${d.problem}`,
  STAGE_FAILED: (d) =>
    `expected stage ${d.stage} of the pipeline to compute its part, but its code failed: ${d.problem}`,
  STAGE_LOST: (d) =>
    `expected the pipeline to get over its faults, but ${d.faultCount} came in a row without a step between them, the last in stage ${d.stage} (${d.how})${d.lastWords && `; last words: ${d.lastWords}`}; ${d.remedy}`,
  HOSTS_INVALID: (d) => `hosts file ${d.path}, line ${d.line}, ${d.where}: ${d.problem}`,
  HOST_REFUSED: (d) => `expected the training host ${d.host} to run a stage for this machine, but ${d.problem}`,
  JOURNAL_DAMAGED: (d) =>
    `expected the journal of an evolution, but ${d.path}, line ${d.line}: ${d.problem}; mend the line, or delete it and all after it to go on from there`,
  ARCHIVE_UNUSABLE: (d) =>
    `expected evolution.archiveOf to name a finished evolution of the same networks, but of ${d.id}: ${d.problem}; name another study, or leave the key out`,
  GATES_UNPASSABLE: (d) =>
    `expected a new network that passes the early exits, but ${d.tries} in a row did not, or were known (so far ${d.params} had too many parameters, ${d.latency} were too slow)${d.fastestSeenMs === null ? '' : `; the fastest seen takes ${d.fastestSeenMs.toFixed(3)} ms`}; raise the limits or search a larger space`,
  SPACE_NONE_WITHIN: (d) =>
    `expected a random network of ${d.lowMs.toFixed(3)} to ${d.highMs.toFixed(3)} ms, but none of ${d.tries} was; the fastest seen takes ${d.fastestSeenMs.toFixed(3)} ms`,
  BUDGET_TOO_SMALL: (d) =>
    `expected a budget of at least ${d.fastestMs.toFixed(3)} ms, what the fastest network of the space takes, but got ${d.budgetMs} ms; raise the budget or choose a smaller space`,
  SEARCH_LATENCY_INVALID: (d) =>
    `slot ${d.slot}: expected a latency of 0 ms or more for each candidate, but ${d.candidate} has ${d.got}`,
  SEARCH_DIVERGED: (d) =>
    `step ${d.step}: expected a finite ${d.what}, but got ${d.got}; lower search.learningRate or lengthen search.rampSteps`,
  SEARCH_CHECKPOINT_MISMATCH: (d) =>
    `the checkpoint in ${d.directory} is of another search: expected problem ${d.expected}, but it says ${d.got}; delete it or restore the space, latencies, budget and settings that it was made with`,
  SPEC_INVALID: (d) => `study specification, line ${d.line}, ${d.path}: ${d.problem}`,
  SPEC_KEY_UNKNOWN: (d) =>
    `study specification, line ${d.line}: expected a key of ${d.section}, but got "${d.key}"; did you mean "${d.nearest}"?`,
  PLAN_TOO_SHORT: (d) =>
    `expected time for a search and a training, but ${d.minutes} min are too few: allow at least ${d.neededMinutes.toFixed(1)} min`,
  DATA_NOT_FOUND: (d) =>
    `expected a file, a folder, or one of cifar10, cifar100, synthetic, but "${d.source}" does not exist`,
  DATA_FORMAT_UNKNOWN: (d) =>
    `expected a folder or zip of images by class, CIFAR binaries, or IDX files, but ${d.source}: ${d.problem}`,
  DATA_ARCHIVE_DAMAGED: (d) => `expected a whole archive, but ${d.path}: ${d.problem}; copy or download it again`,
  DATA_NO_IMAGES: (d) =>
    `expected images as <class>/* or train/<class>/* and test/<class>/* (jpg, png, webp, gif, tif, avif), but found none in ${d.path}`,
  DATA_ONE_CLASS: (d) =>
    `expected at least 2 classes, but ${d.path} holds only "${d.name}"; give each class a folder of its own`,
  DATA_CLASSES_DIFFER: (d) =>
    `expected the same classes in every split, but ${d.split} lacks [${d.missing}] and has besides [${d.unexpected}] compared with train`,
  DATA_TOO_FEW: (d) =>
    `expected at least 2 samples of each class to split, but class "${d.name}" of ${d.split} has ${d.count}`,
  DATA_IMAGE_INVALID: (d) => `expected an image that can be decoded, but ${d.path}: ${d.problem}`,
  DATA_TOO_LARGE: (d) =>
    `expected a data set that one array holds (${(d.mostBytes / 1e9).toFixed(1)} GB), but ${d.count} images of ${d.width}x${d.height} pixels take ${(d.byteCount / 1e9).toFixed(1)} GB; give a resolution of at most ${d.resolution}, or fewer images`,
  DATA_SIZES_DIFFER: (d) =>
    `expected every image as large as the first (${d.expected}), but ${d.path} is ${d.got}; give a resolution to resize all images to`,
  DATA_DOWNLOAD_FAILED: (d) =>
    `expected to download ${d.url}, but ${d.problem}; where there is no network, fetch that file elsewhere and pass its path, or put it at ${d.path}`,
  DATA_HASH_MISMATCH: (d) =>
    `expected ${d.path} to have the hash ${d.expected}, but it has ${d.got}; delete it and get it again`,
  DATA_PACKED_INVALID: (d) => `expected a packed data set, but ${d.path}: ${d.problem}; delete it and pack again`,
  SAFETENSORS_INVALID: (d) => `expected safetensors, but ${d.problem}`,
  CHECKPOINT_INVALID: (d) => `expected a checkpoint in ${d.directory}, but ${d.problem}`,
  CHECKPOINT_FOREIGN: (d) =>
    `expected ${d.directory} to be empty or of this training, but it holds one with ${d.what}; go on with what it was begun with, or choose another folder`,
  NETWORK_DATA_MISFIT: (d) =>
    `expected a network for this data set, but ${d.what} of the network is ${d.network} and of the data ${d.data}; change the network or give --resolution`,
  TRAINING_IN_USE: (d) =>
    `expected ${d.directory} to be free, but another \`bespoke train\` writes there; wait for its end, or choose another folder with --out`,
  TRAINING_STOPPED: (d) =>
    `the training was stopped; what it has by now is in ${d.directory}: the same command goes on from there`,
  PROFILE_FAILED: (d) => `expected to measure the blocks of the network, but ${d.problem}`,
  BACKEND_UNAVAILABLE: (d) =>
    `expected the ${d.backend} backend to load, but: ${d.problem}; run "npm run setup:tensorflow" or choose wasm`,
  EXPORT_SHAPE_DIFFERS: (d) =>
    `expected the exported file to give ${d.expected} logits as the engine does, but it gives ${d.got}; were both made from the same network?`,
  PIPELINE_COUNT_INVALID: (d) =>
    `expected a whole number of ${d.what} from 1 to ${d.most}, the number of ${d.ofWhat}, but got ${d.got}; none may be empty: choose one in this range`,
  PIPELINE_COST_INVALID: (d) =>
    `expected a finite cost of 0 or more for ${d.where}, but got ${d.got}; measure the blocks again`,
  PIPELINE_MEMORY_EXCEEDED: (d) =>
    `expected at most ${d.capBytes} bytes in a partition, but ${d.what} needs ${d.byteCount} bytes; raise the cap, take more micro-batches or partitions, or recompute more (remat always)`,
  PIPELINE_STUCK: (d) =>
    `expected operations that can run in their order, but on stage ${d.stage} the ${d.kind} of micro-batch ${d.microBatch} waits for ever; take the operations of one schedule for all stages`,
  RUNTIME_UNAVAILABLE: (d) => `expected the runtime ${d.runtime} to load, but ${d.problem}; ${d.remedy}`,
  RUNTIME_REFUSED: (d) => `expected a model that ${d.runtime} can load, but ${d.problem}`,
  RUNTIME_NOT_ADDED: (d) => `expected to add the runtime ${d.runtime}, but ${d.problem}`,
  WORKLOAD_TOO_LARGE: (d) =>
    `expected a workload that a device can hold, at most ${d.limit} ${d.what}, but it has ${d.got}`,
  MESSAGE_INVALID: (d) => `the protocol does not allow this message: at ${d.path}: ${d.problem}`,
  MESSAGE_TOO_LARGE: (d) => `expected a message of at most ${d.limitBytes} bytes, but got ${d.byteCount}`,
  PROTOCOL_VERSION_DIFFERS: (d) =>
    `expected version ${d.expected} of the agent protocol, but the other side speaks version ${d.got}; install the same release on the device and in the cloud`,
  AGENT_TOKEN_UNKNOWN: () => 'expected the file token of an agent that is connected now, but got another',
  AGENT_UNKNOWN: (d) => `expected an agent that was paired with this cloud, but ${d.agentId} was not; ${howToPair}`,
  AGENT_REVOKED: (d) =>
    `expected an agent that may speak, but ${d.agentId} was revoked; to let it in again, ${howToPair}`,
  AGENT_PROOF_INVALID: (d) =>
    `expected a signature by the key of agent ${d.agentId} over this connection's challenge, but it is not; ${howToPair}`,
  AGENT_ID_TAKEN: (d) =>
    `expected a new agent or its own key, but ${d.agentId} is paired with another key; delete the agent's state file (the device then counts as a new one) and pair again`,
  AGENT_NOT_PAIRED: (d) =>
    `expected the key and the cloud of a paired agent in ${d.path}, but it holds none; ${howToPair}`,
  PAIRING_CODE_UNKNOWN: () =>
    'expected a pairing code that was made in the last minutes and not used, but this one is not; get a new one in the dashboard (Add a device) or with `npx bespoke device pair`',
  PAIRING_LIMITED: (d) =>
    `expected fewer wrong pairing codes; for protection against guessing no code counts now: try again in ${Math.ceil(d.waitMs / 1000)} s`,
  PAIRING_FAILED: (d) => `expected to pair with the cloud at ${d.url}, but ${d.problem}`,
  CLOUD_DIFFERS: (d) =>
    `expected the cloud ${d.expected} at ${d.url}, with which this agent was paired, but ${d.got} answers; if that is meant, ${howToPair}`,
  PLAIN_REFUSED: (d) =>
    `expected an encrypted connection, but ${d.address} is not of this machine and has none: anybody on the way could read and change what is said; ${d.remedy}, or allow it by name with --insecure-plain`,
  TLS_FILE_INVALID: (d) => `expected a certificate or key in PEM form in ${d.path}, but ${d.problem}`,
  AGENT_SILENT: (d) => `expected a hello within ${d.timeoutMs} ms of connecting, but none came`,
  AGENT_REPLACED: (d) =>
    `another agent connected with the id ${d.agentId}; only one agent per device: stop the other one, or give this one a state file of its own`,
  AGENT_STATE_INVALID: (d) =>
    `expected the agent's id and key in ${d.path}, but ${d.problem}; mend the file or delete it (the device then counts as a new one) and pair again`,
  ARTIFACT_UNAVAILABLE: (d) => `expected the file ${d.sha256} from the cloud, but ${d.problem}`,
  ARTIFACT_DAMAGED: (d) => `expected a file with the hash ${d.sha256}, but its bytes have ${d.got}`,
  LOGIN_REQUIRED: () =>
    'expected a session; open the address with the one-time token that the cloud prints at its start',
  LOGIN_TOKEN_INVALID: () =>
    'expected a one-time token, but this one is unknown or was used; restart the cloud for a new one',
  ORIGIN_REFUSED: (d) => `expected a request from ${d.expected}, but it came from ${d.got}`,
  REQUEST_INVALID: (d) => `bad request at ${d.path}: ${d.problem}`,
  NOT_FOUND: (d) => `expected a ${d.what}, but there is none with the name ${d.id}`,
  PORT_IN_USE: (d) =>
    `expected port ${d.port} of ${d.host} to be free, but another program listens there; stop it or choose another port, e.g. --port ${d.port + 1}`,
  CONFIG_INVALID: (d) => `setting ${d.path}: ${d.problem}`,
  STORE_IN_USE: (d) =>
    `expected the data folder ${d.directory} to be free, but another cloud runs on it; stop that one or choose another data folder`,
  STORE_TOO_NEW: (d) =>
    `expected ${d.path} to have version ${d.expected} at most, but it has ${d.got}; it was written by a newer release: install that one`,
  DEVICE_RUNTIME_MISSING: (d) => `expected device ${d.device} to offer ${d.expected}, but it offers ${d.got}`,
  MEASUREMENTS_FAILED: (d) =>
    `expected ${d.total} measurements, but ${d.failed} failed (the others are kept); the first, ${d.workload}: ${d.reason}: ${d.log}`,
  EXPORT_DIFFERS: (d) =>
    `expected the exported file to give the engine's outputs (>= 99.5% same class, difference <= 1e-3 of the range), but got ${d.got}; please report it with the study's log`,
  STUDY_PROCESS_DIED: (d) =>
    `the process of the study died (${d.how})${d.lastWords && `; its last words: ${d.lastWords.trim()}`}`,
  DEVICE_AMBIGUOUS: (d) =>
    d.known.length === 0
      ? 'expected a device, but none ever connected; pair one: see `npx bespoke device pair`'
      : `expected the name of one device, but got ${d.wanted === null ? 'none' : `"${d.wanted}"`}; known: ${d.known.join(', ')}; write e.g. \`device: ${d.known[0]}\``,
  SERVICE_UNAVAILABLE: (d) => `expected to manage a system service, but ${d.problem}; ${d.remedy}`,
  AGENT_NOT_JOINED: (d) =>
    `the agent of this machine did not join the cloud; run \`npx bespoke doctor\`${d.lastWords && `; its last words: ${d.lastWords}`}`,
  STUDY_FAILED: (d) => `study ${d.id} did not finish: ${d.why}`,
  FILE_UNREADABLE: (d) => `expected a readable file at ${d.path}, but: ${d.problem}`,
  TABLE_INVALID: (d) =>
    `expected a latency table, but ${d.path}, line ${d.line}, ${d.field}: ${d.problem}; nothing was imported`,
  LATENCY_SAMPLES_EMPTY: () => 'expected at least one latency sample, but got none',
  LATENCY_SAMPLE_INVALID: (d) => `expected a positive number of milliseconds, but sample ${d.index} is ${d.value}`,
};

export type ErrorCode = keyof ErrorDetails;

/** All codes, in the order of the table. */
export const errorCodes = Object.keys(messages) as readonly ErrorCode[];

/** A failure with a stable `code` and typed `details`. */
export class AppError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AppError';
  constructor(
    readonly code: C,
    readonly details: ErrorDetails[C],
    options?: ErrorOptions,
  ) {
    super(messages[code](details), options);
  }
}

/** Narrows any thrown value to an AppError, of one code where `code` is given. */
export function isAppError<C extends ErrorCode>(value: unknown, code?: C): value is AppError<C> {
  return value instanceof AppError && (code === undefined || value.code === code);
}
