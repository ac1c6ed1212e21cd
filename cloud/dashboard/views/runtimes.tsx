/** Runtimes: what the device measures with, and what it could, with the command that adds it. */
import { runtimeCommands } from '@bespoke/shared/latency/runtime-commands.js';
import { type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import type { DeviceView } from '@bespoke/shared/protocol/api.js';
import { runtimeLabel } from '../format.js';

const descriptions: { readonly [R in RuntimeName]: string } = {
  tflite: 'TensorFlow Lite',
  onnx: 'ONNX Runtime',
  'tfjs-tensorflow': 'TensorFlow.js on native TensorFlow',
  'tfjs-wasm': 'TensorFlow.js on WebAssembly',
  'tfjs-webgpu': 'TensorFlow.js on WebGPU',
};

export function Runtimes({ device }: { readonly device: DeviceView }) {
  return (
    <section className="card" aria-labelledby="runtimes-title">
      <h3 id="runtimes-title">Runtimes</h3>
      <ul className="runtimes">
        {runtimeNames.map((name) => (
          <Row key={name} name={name} device={device} />
        ))}
      </ul>
    </section>
  );
}

function Row({ name, device }: { readonly name: RuntimeName; readonly device: DeviceView }) {
  const offered = device.runtimes.filter(({ runtime }) => runtime === name);
  return (
    <li className={offered.length > 0 ? 'runtime offered' : 'runtime'}>
      <span className="mark" aria-hidden="true">
        {offered.length > 0 ? '✓' : '○'}
      </span>
      <div>
        <p>
          <strong>{name}</strong> <span className="muted">{descriptions[name]}</span>
        </p>
        {offered.length > 0 ? (
          <ul className="badges" aria-label={`Offered with ${name}`}>
            {offered.map((runtime) => (
              <li key={runtimeLabel(runtime)}>{runtimeLabel(runtime)}</li>
            ))}
          </ul>
        ) : (
          <Missing name={name} device={device} />
        )}
      </div>
    </li>
  );
}

/** The agent tells what is not installed; one that does not tell may lack it. */
function Missing({ name, device: { runtimes, info } }: { readonly name: RuntimeName; readonly device: DeviceView }) {
  const names = [...new Set([...runtimes.map(({ runtime }) => runtime), name])];
  const isInstalled = info.possibleRuntimes !== undefined && !info.possibleRuntimes.includes(name);
  return (
    <p className="small">
      Not {isInstalled ? 'offered' : 'installed'}. On the device: {!isInstalled && <code>{runtimeCommands[name]}</code>}
      {!isInstalled && ', then '}start the agent with <code>--runtimes {names.join(',')}</code>.
    </p>
  );
}
