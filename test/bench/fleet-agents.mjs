/**
 * Simulated agents: real sockets and messages, but what they measure is made up. Each answers a job after `measureMs` and then
 * asks for the next. All have one key. Arguments: url, the key as a JWK, number of the first agent, how many, how many classes of devices there are.
 */
import { pauseMs } from '@bespoke/agent/connection.js';
import { signProof } from '@bespoke/agent/dial.js';
import { unknownHost } from '@bespoke/shared/latency/measurement.js';
import { protocolVersion } from '@bespoke/shared/protocol/agent.js';
import { WebSocket } from 'ws';

const [url, keyText, first, count, classCount] = process.argv.slice(2);
const key = JSON.parse(keyText);
const runtime = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };
const outcome = {
  ok: true,
  samplesMs: [1, 1.01, 1.02, 0.99, 1],
  uncountedMs: [],
  passes: [{ counted: true, sampleCount: 5 }],
  overheadMs: 0.01,
  batchSize: 10,
  runtime,
  host: unknownHost,
};
const outcomeText = JSON.stringify(outcome);

/** How long a measurement takes; null: the agents do not ask for jobs. */
let measureMs = null;
let [welcomedCount, lostCount, beatCount, answeredCount] = [0, 0, 0, 0];
let dispatchesMs = [];

class Agent {
  #failedAttempts = 0;
  #welcomed = false;
  #askedMs = null;

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
        this.ask();
      }
      if (message.type === 'heartbeatAck') answeredCount++;
      if (message.type === 'job') this.#measure(message);
    });
    socket.on('error', () => {}); // it closes next
    socket.on('close', () => {
      clearInterval(heart);
      if (this.#welcomed) [welcomedCount, lostCount] = [welcomedCount - 1, lostCount + 1];
      this.#welcomed = false;
      this.#askedMs = null;
      setTimeout(() => this.dial(), pauseMs(this.#failedAttempts++, Math.random()));
    });
  }

  #greet({ cloudId, nonce }) {
    const { hello } = this;
    const signature = signProof({ purpose: 'hello', cloudId, nonce, agentId: hello.agentId }, key);
    this.#send(JSON.stringify({ ...hello, signature }));
  }

  /** Says that it is idle, once. */
  ask() {
    if (measureMs === null || this.#askedMs !== null || !this.#welcomed) return;
    this.#askedMs = performance.now();
    this.#send('{"type":"ready"}');
  }

  #measure({ jobId, leaseId }) {
    dispatchesMs.push(performance.now() - this.#askedMs);
    const answer = () => {
      this.#send(`{"type":"result","jobId":"${jobId}","leaseId":"${leaseId}","outcome":${outcomeText}}`);
      this.#askedMs = null;
      this.ask();
    };
    if (measureMs) setTimeout(answer, measureMs * (0.5 + Math.random()));
    else answer();
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
  /** Asks for jobs that take so long each, a jitter of a half apart; asks all at once or over that time. */
  work(input) {
    measureMs = input.measureMs;
    dispatchesMs = [];
    for (const agent of agents) setTimeout(() => agent.ask(), Math.random() * measureMs);
  },
  figures() {
    const dispatches = dispatchesMs;
    dispatchesMs = [];
    return { welcomedCount, lostCount, beatCount, answeredCount, dispatchesMs: dispatches };
  },
};
process.on('message', async ({ id, command, input }) => {
  process.send({ id, result: await commands[command](input) });
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: null });
