/**
 * Benchmark of what lies between two stages: the round trip of one tensor over a Unix socket, as frames and as raw bytes, and what the snapshot after each commit costs.
 * The two sides of the socket are two processes; frames and raw bytes take turns in rounds. `node test/bench/wire.mjs [rounds]`, after a build.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { receiveFrames, sendFrame } from '@bespoke/cloud/train/gpipe/wire.js';

const sizes = { '64 KB': 2 ** 16, '1 MB': 2 ** 20, '8 MB': 2 ** 23 };

/** How the other side answers a whole message. Raw: a length and so many bytes, kept in the pieces that they come in. */
const echoes = {
  raw: async (socket) => {
    for (;;) for (const piece of await receiveRaw(socket)) socket.write(piece);
  },
  frames: async (socket) => {
    for await (const frame of receiveFrames(socket)) await sendFrame(socket, frame);
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--echo') echo(...process.argv.slice(3));
  else await main(Number(process.argv[2] ?? 5));
}

function echo(path, kind) {
  createServer(echoes[kind]).listen(path, () => process.send('listening'));
  process.on('disconnect', () => process.exit());
}

async function main(roundCount) {
  const folder = await mkdtemp(join(tmpdir(), 'bespoke-wire-'));
  const sides = await Promise.all(Object.keys(echoes).map((kind) => openSide(folder, kind)));
  console.log(`Round trips over a Unix socket, ms, median of each round; load ${loadavg()[0].toFixed(1)}`);
  for (const [name, byteCount] of Object.entries(sizes)) {
    const medians = Object.fromEntries(sides.map(({ kind }) => [kind, []]));
    for (let round = 0; round < roundCount; round++)
      for (const { kind, roundTrip } of sides) medians[kind].push(await measure(() => roundTrip(byteCount)));
    for (const { kind } of sides) {
      const rounds = medians[kind].map((value) => value.toFixed(2)).join(' ');
      console.log(
        `${name.padStart(5)} ${kind.padEnd(6)} best ${Math.min(...medians[kind]).toFixed(2)}, rounds ${rounds}`,
      );
    }
  }
  for (const { close } of sides) close();
  await measureSnapshots(folder);
  await rm(folder, { recursive: true });
}

/** Steps of a stage that computes (blocks its thread) for 200 ms and holds so many megabytes, with and without a snapshot after each. */
async function measureSnapshots(folder) {
  console.log('\nSteps of 200 ms with a snapshot after each against steps without, ms, median of each round');
  for (const megabytes of [1, 8, 32]) {
    const medians = { with: [], without: [] };
    for (let round = 0; round < 3; round++)
      for (const [name, snapshotEvery] of [
        ['without', Number.MAX_SAFE_INTEGER],
        ['with', 1],
      ])
        medians[name].push(await measureSteps(join(folder, 'run'), megabytes, snapshotEvery));
    const rounds = (name) => medians[name].map((value) => value.toFixed(1)).join(' ');
    console.log(`${String(megabytes).padStart(3)} MB: without ${rounds('without')}; with ${rounds('with')}`);
  }
}

async function measureSteps(directory, megabytes, snapshotEvery) {
  const pipeline = await Pipeline.open({
    stages: [{ module: import.meta.url, options: { megabytes }, threadCount: 1 }],
    directory,
    commitsTogether: false,
    operationsOf: () => [
      [
        { kind: 'forward', microBatch: 0 },
        { kind: 'backward', microBatch: 0 },
      ],
    ],
    operationTimeoutMs: 20_000,
    snapshotEvery,
  });
  const times = [];
  for (let step = 0; step < 12; step++) {
    const startMs = performance.now();
    await pipeline.runStep();
    times.push(performance.now() - startMs);
  }
  await pipeline.close();
  return median(times.slice(2));
}

/** The stage of `measureSteps`. */
export async function openStage({ megabytes }) {
  const values = new Float32Array(randomBytes(megabytes * 2 ** 20).buffer, 0, megabytes * 2 ** 18);
  const compute = (milliseconds) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  return {
    begin: async () => {},
    forward: async () => {
      compute(70);
      return [];
    },
    backward: async () => {
      compute(130);
      return [];
    },
    finish: async () => ({}),
    commit: async () => {
      values[0] += 1;
    },
    abort: async () => {},
    state: async () => new Map([['w', { shape: [values.length], values }]]),
  };
}

async function openSide(folder, kind) {
  const path = join(folder, kind);
  const child = fork(fileURLToPath(import.meta.url), ['--echo', path, kind]);
  await once(child, 'message');
  const socket = connect(path);
  await once(socket, 'connect');
  const roundTrip = { raw: rawRoundTrip(socket), frames: framesRoundTrip(socket) }[kind];
  return { kind, roundTrip, close: () => child.disconnect() };
}

function rawRoundTrip(socket) {
  return async (byteCount) => {
    const answer = receiveRaw(socket);
    socket.cork();
    socket.write(new Uint8Array(Uint32Array.of(byteCount).buffer));
    socket.write(new Uint8Array(byteCount));
    socket.uncork();
    await answer;
  };
}

/** The pieces of one message, its length before them. */
function receiveRaw(socket) {
  const pieces = [];
  let left = null;
  return new Promise((resolve) => {
    socket.on('data', function take(piece) {
      pieces.push(piece);
      left = (left ?? 4 + piece.readUInt32LE(0)) - piece.length;
      if (left > 0) return;
      socket.off('data', take);
      resolve(pieces);
    });
  });
}

function framesRoundTrip(socket) {
  let frames;
  return async (byteCount) => {
    frames ??= receiveFrames(socket);
    const tensors = [{ shape: [byteCount / 4], values: new Float32Array(byteCount / 4) }];
    const answer = frames.next();
    await sendFrame(socket, { kind: 'activation', step: 1, microBatch: 0, tensors });
    await answer;
  };
}

async function measure(roundTrip) {
  const times = [];
  for (let turn = 0; turn < 25; turn++) {
    const startMs = performance.now();
    await roundTrip();
    times.push(performance.now() - startMs);
  }
  return median(times.slice(5));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
