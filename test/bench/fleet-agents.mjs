/**
 * Simulated agents: real sockets and messages, but what they measure is made up. All have one key. Each has a beat of its own: every
 * `periodMs` it answers the job at hand and asks for the next, so that as many ask in a second however late their jobs come; with
 * a period of 0 it answers at once. Arguments: url, the key as a JWK, number of the first agent, how many, how many classes of devices there are.
 */
import { pauseMs } from '@bespoke/agent/connection.js';
import { signProof } from '@bespoke/agent/dial.js';
import { unknownHost } from '@bespoke/shared/latency/measurement.js';
import { protocolVersion } from '@bespoke/shared/protocol/agent.js';
import { WebSocket } from 'ws';

const [url, keyText, first, count, classCount] = process.argv.slice(2);
const key = JSON.parse(keyText);
const runtime = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };
/** The least that a real agent sends: four passes of 15 samples, of which two passes count. */
const samplesMs = (count) =>
  Array.from({ length: count }, (_, index) => Number((1 + (index % 7) / 1000).toPrecision(6)));
const outcome = {
  ok: true,
  samplesMs: samplesMs(30),
  uncountedMs: samplesMs(30),
  passes: Array.from({ length: 4 }, (_, index) => ({ counted: index < 2, sampleCount: 15, slowness: 1.02 })),
  overheadMs: 0.01,
  batchSize: 10,
  runtime,
  host: { ...unknownHost, slowness: 1.02, quietestMs: 0.0345 },
};
const outcomeText = JSON.stringify(outcome);

/** From one answer of an agent to its next; null: the agents do not ask for jobs. */
let periodMs = null;
let [welcomedCount, lostCount, beatCount, answeredCount] = [0, 0, 0, 0];
let dispatchesMs = [];
let utilization = performance.eventLoopUtilization();

class Agent {
  #failedAttempts = 0;
  #welcomed = false;
  #askedMs = null;
  /** The job at hand. */
  #job = null;
  #start;
  #beat;

  constructor(number) {
    this.hello = {
      type: 'hello',
      protocol: protocolVersion,
      agentId: `agent-${String(number).padStart(6, '0')}`,
      name: `agent ${number}`,
      info: {
        hostname: `host-${number}`,
        platform: 'linux',
        arch: 'x64',
        cpuModel: `cpu ${number % Number(classCount)}`,
        cpuCount: 2,
        memoryBytes: 8e9,
      },
      runtimes: [runtime],
    };
  }

  dial() {
    const socket = new WebSocket(`${url}/agent`, { perMessageDeflate: false, handshakeTimeout: 10_000 });
    this.socket = socket;
    let heart;
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'challenge') this.#greet(message);
      if (message.type === 'welcome') {
        this.#welcomed = true;
        this.#failedAttempts = 0;
        welcomedCount++;
        let sequence = 0;
        // Agents start at all times; so their hearts beat at all times.
        setTimeout(() => {
          const beat = () => {
            beatCount++;
            this.#send(JSON.stringify({ type: 'heartbeat', sequence: sequence++ }));
          };
          if (socket.readyState === WebSocket.OPEN) heart = setInterval(beat, message.heartbeatMs);
        }, Math.random() * message.heartbeatMs);
        this.#ask();
      }
      if (message.type === 'heartbeatAck') answeredCount++;
      if (message.type === 'job') this.#take(message);
    });
    socket.on('error', () => {}); // it closes next
    socket.on('close', () => {
      clearInterval(heart);
      if (this.#welcomed) [welcomedCount, lostCount] = [welcomedCount - 1, lostCount + 1];
      this.#welcomed = false;
      this.#askedMs = null;
      this.#job = null;
      setTimeout(() => this.dial(), pauseMs(this.#failedAttempts++, Math.random()));
    });
  }

  #greet({ cloudId, nonce }) {
    const { hello } = this;
    const signature = signProof({ purpose: 'hello', cloudId, nonce, agentId: hello.agentId }, key);
    this.#send(JSON.stringify({ ...hello, signature }));
  }

  /** Begins to work at the period, somewhere in it; or stops. */
  work() {
    clearTimeout(this.#start);
    clearInterval(this.#beat);
    this.#start = setTimeout(() => {
      if (periodMs) this.#beat = setInterval(() => this.#answer(), periodMs);
      this.#answer();
    }, Math.random() * periodMs);
  }

  /** Says that it is idle, once. */
  #ask() {
    if (periodMs === null || this.#askedMs !== null || this.#job || !this.#welcomed) return;
    this.#askedMs = performance.now();
    this.#send('{"type":"ready"}');
  }

  #take(job) {
    dispatchesMs.push(performance.now() - this.#askedMs);
    this.#askedMs = null;
    this.#job = job;
    if (!periodMs) this.#answer();
  }

  /** Answers the job at hand, if there is one, and asks for the next. */
  #answer() {
    if (this.#job) {
      const { jobId, leaseId } = this.#job;
      this.#job = null;
      this.#send(`{"type":"result","jobId":"${jobId}","leaseId":"${leaseId}","outcome":${outcomeText}}`);
    }
    this.#ask();
  }

  #send(text) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
  }
}

const agents = Array.from({ length: Number(count) }, (_, index) => new Agent(Number(first) + index));

const commands = {
  /** Dials, so many a second. */
  async dial({ perSecond }) {
    for (const [index, agent] of agents.entries()) {
      agent.dial();
      if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 50_000 / perSecond));
    }
  },
  /** Works at this period. */
  work(input) {
    periodMs = input.periodMs;
    dispatchesMs = [];
    for (const agent of agents) agent.work();
  },
  /** `busyShare`: of the time since it was last asked, in which this process had something to do. */
  figures() {
    const dispatches = dispatchesMs;
    dispatchesMs = [];
    const since = performance.eventLoopUtilization(utilization);
    utilization = performance.eventLoopUtilization();
    return {
      welcomedCount,
      lostCount,
      beatCount,
      answeredCount,
      dispatchesMs: dispatches,
      busyShare: since.utilization,
    };
  },
};
process.on('message', async ({ id, command, input }) => {
  process.send({ id, result: await commands[command](input) });
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: null });
