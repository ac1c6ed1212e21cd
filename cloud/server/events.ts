/** EventHub: pushes events to every dashboard that listens. One that does not keep up is cut off; it reads everything anew when it comes back. */
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import { WebSocket } from 'ws';

/** What may wait to be sent to one dashboard. */
const maxBufferedBytes = 8 * 2 ** 20;

export class EventHub {
  readonly #sockets = new Set<WebSocket>();

  attach(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A broken socket closes next; there is nobody to tell.
    socket.on('error', () => socket.terminate());
    socket.on('message', () => socket.close(1008, 'dashboards only listen here'));
  }

  /** Whether anyone hears what is published. */
  get listening(): boolean {
    return this.#sockets.size > 0;
  }

  readonly publish = (event: ApiEvent): void => {
    if (!this.listening) return;
    const text = JSON.stringify(event);
    for (const socket of this.#sockets) {
      if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.send(text);
    }
  };
}
