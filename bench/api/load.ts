/** Sends requests over a number of connections, one at a time on each, as fast as they are answered. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface Load {
  readonly requestsPerSecond: number;
  /** Of the time, how much this program's own processor was busy. */
  readonly ownProcessor: number;
}

/** @throws {Error} an answer is none of status 200: the numbers would say nothing. */
export async function applyLoad(port: number, requests: readonly Buffer[], connections: number): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  try {
    let next = 0;
    const processor = process.cpuUsage();
    const started = performance.now();
    await Promise.all(
      sockets.map((socket) =>
        converse(socket, () => {
          const request = requests[next];
          next += 1;
          return request;
        }),
      ),
    );
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(processor);
    return { requestsPerSecond: requests.length / seconds, ownProcessor: (user + system) / 1e6 / seconds };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** One request and its answer, to learn what the answer is like. */
export async function askOnce(
  port: number,
  request: Buffer,
): Promise<{ readonly head: string; readonly body: string }> {
  const socket = await open(port);
  try {
    let answer = '';
    const unsent = [request];
    await converse(
      socket,
      () => unsent.pop(),
      (text) => (answer = text),
    );
    const end = answer.indexOf('\r\n\r\n');
    return { head: answer.slice(0, end), body: answer.slice(end + 4) };
  } finally {
    socket.destroy();
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Until there is no next request. */
function converse(
  socket: Socket,
  next: () => Buffer | undefined,
  answered: (text: string) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const send = (): void => {
      const request = next();
      if (request === undefined) resolve();
      else socket.write(request);
    };
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = received.toString('latin1', 0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (received.length < end + 4 + length) return;
      if (!head.startsWith('HTTP/1.1 200 ')) {
        reject(new Error(`an answer was ${received.toString('utf8').slice(0, 2_000)}`));
        return;
      }
      answered(received.toString('utf8'));
      received = Buffer.alloc(0);
      send();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed a connection')));
    send();
  });
}
