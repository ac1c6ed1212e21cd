/**
 * Benchmark of what lies between two stages: the round trip of one tensor through files in memory (as between stages of one machine), as frames over a Unix socket, and as raw bytes; and what the
 * snapshot after each commit costs. The two sides are two processes; the ways take turns in rounds. `node test/bench/wire.mjs [rounds]`, after a build.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Greeting } from '@bespoke/cloud/train/gpipe/greeting.js';
import { MemoryLink } from '@bespoke/cloud/train/gpipe/memory-link.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { FrameStream, sendFrame } from '@bespoke/cloud/train/gpipe/wire.js';

const sizes = { '64 KB': 2 ** 16, '1 MB': 2 ** 20, '8 MB': 2 ** 23 };

const greeting = new Greeting('00112233445566778899aabbccddeeff');

/** How the other side answers whole messages. Raw: a length and so many bytes, kept in the pieces that they come in. */
const echoes = {
  memory: (path) =>
    greeting.listen({ path }, async (neighbour) => {
      const link = MemoryLink.answer(path, neighbour);
      void link.ended();
      for (let step = 1; ; step++) await link.send(await link.receive(step, 0));
    }),
  frames: (path) =>
    listen(path, async (socket) => {
      const frames = new FrameStream(socket);
      for (let frame = await frames.next(); frame; frame = await frames.next()) await sendFrame(socket, frame);
    }),
  raw: (path) =>
    listen(path, async (socket) => {
      for (;;) for (const piece of await receiveRaw(socket)) socket.write(piece);
    }),
};

/** What sends a message of so many bytes and waits until it is back, once the other side listens. */
const roundTrips = {
  memory: async (path) => {
    const link = await MemoryLink.dial(path, 1, () => greeting.dial({ path }, 1));
    void link.ended();
    let step = 0;
    return async (byteCount) => {
      await link.send({ kind: 'activation', step: ++step, microBatch: 0, tensors: tensorsOf(byteCount) });
      await link.receive(step, 0);
    };
  },
  frames: async (path) => {
    const socket = await connected(path);
    const frames = new FrameStream(socket);
    return async (byteCount) => {
      const answer = frames.next();
      await sendFrame(socket, { kind: 'activation', step: 1, microBatch: 0, tensors: tensorsOf(byteCount) });
      await answer;
    };
  },
  raw: async (path) => {
    const socket = await connected(path);
    return async (byteCount) => {
      const answer = receiveRaw(socket);
      socket.cork();
      socket.write(new Uint8Array(Uint32Array.of(byteCount).buffer));
      socket.write(new Uint8Array(byteCount));
      socket.uncork();
      await answer;
    };
  },
};

async function echo(path, kind) {
  await echoes[kind](path);
  process.on('disconnect', () => process.exit());
  process.send('listening');
}

async function main(roundCount) {
  const folder = await mkdtemp(join(tmpdir(), 'bespoke-wire-'));
  const sides = await Promise.all(Object.keys(echoes).map((kind) => openSide(folder, kind)));
  console.log(`Round trips, ms, median of each round; load ${loadavg()[0].toFixed(1)}`);
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
  await measureSnapshots();
  await rm(folder, { recursive: true });
}

/** Steps of a stage that computes (blocks its thread) for 200 ms and holds so many megabytes, with and without a snapshot after each. */
async function measureSnapshots() {
  const directory = await mkdtemp(join(tmpdir(), 'bespoke-snapshots-'));
  console.log('\nSteps of 200 ms with a snapshot after each against steps without, ms, median of each round');
  for (const megabytes of [1, 8, 32]) {
    const medians = { with: [], without: [] };
    for (let round = 0; round < 3; round++)
      for (const [name, snapshotEvery] of [
        ['without', Number.MAX_SAFE_INTEGER],
        ['with', 1],
      ])
        medians[name].push(await measureSteps(directory, megabytes, snapshotEvery));
    const rounds = (name) => medians[name].map((value) => value.toFixed(1)).join(' ');
    console.log(`${String(megabytes).padStart(3)} MB: without ${rounds('without')}; with ${rounds('with')}`);
  }
  await rm(directory, { recursive: true });
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
  return { kind, roundTrip: await roundTrips[kind](path), close: () => child.disconnect() };
}

const listen = (path, serve) => once(createServer(serve).listen(path), 'listening');

async function connected(path) {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
}

const tensorsOf = (byteCount) => [{ shape: [byteCount / 4], values: new Float32Array(byteCount / 4) }];

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--echo') await echo(...process.argv.slice(3));
  else await main(Number(process.argv[2] ?? 5));
}
