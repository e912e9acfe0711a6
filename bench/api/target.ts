/** The server as it is installed, with what the measured operations need, and the bare one beside it. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { PRODUCTS } from '../../src/api/products.ts';
import type { Product } from '../../src/api/action.ts';
import { callRpc } from '../../src/api/rpc-client.ts';
import { must, Service } from '../run.ts';
import type { Signer } from './requests.ts';

const SEALDISK = path.resolve(import.meta.dirname, '../../bin/sealdisk.js');
const BARE = path.resolve(import.meta.dirname, 'bare-server.ts');

export class Target implements AsyncDisposable {
  readonly port: number;
  readonly dataDirectory: string;
  readonly #service: Service;

  private constructor(port: number, dataDirectory: string, service: Service) {
    this.port = port;
    this.dataDirectory = dataDirectory;
    this.#service = service;
  }

  /** @param nodeFlags for a profiler. */
  static async start(folder: string, nodeFlags: readonly string[]): Promise<Target> {
    const dataDirectory = path.join(folder, 'data');
    mkdirSync(dataDirectory, { recursive: true });
    const [port, nbdPort] = [await freePort(), await freePort()];
    const listen = ['--listen', `127.0.0.1:${port}`, '--nbd-listen', `127.0.0.1:${nbdPort}`];
    const service = await Service.start(
      [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        ...nodeFlags,
        SEALDISK,
        'serve',
        '--data-dir',
        dataDirectory,
        ...listen,
      ],
      {
        logFile: path.join(folder, 'serve.log'),
        // One client asks as fast as it can, which is what throttling is against.
        env: { ...process.env, SEALDISK_ACCOUNT_REQUESTS_PER_SECOND: '0', SEALDISK_OPERATION_REQUESTS_PER_SECOND: '0' },
        ready: async () => (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.status === 200,
      },
    );
    return new Target(port, dataDirectory, service);
  }

  get pid(): number {
    return this.#service.pid;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get firstAccount(): Signer {
    return JSON.parse(readFileSync(path.join(this.dataDirectory, 'credentials.json'), 'utf8')) as Signer;
  }

  async createAccount(): Promise<Signer> {
    const args = [SEALDISK, 'account', 'create', '--json', '--data-dir', this.dataDirectory];
    return JSON.parse(await must(process.execPath, ['--disable-warning=ExperimentalWarning', ...args])) as Signer;
  }

  call<Answer>(
    signer: Signer,
    product: Product,
    action: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const version = PRODUCTS.find((known) => known.product === product)?.version ?? '';
    const date = `${new Date().toISOString().slice(0, 19)}Z`;
    return callRpc<Answer>({ address: this.address, ...signer }, version, action, parameters, date);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stop();
    rmSync(this.dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface BareAnswer {
  readonly head: readonly (readonly [string, string])[];
  readonly length: number;
}

export interface BareServer extends Disposable {
  readonly port: number;
  readonly pid: number;
}

/** @param answers by the name of the operation. */
export async function startBareServer(answers: Readonly<Record<string, BareAnswer>>): Promise<BareServer> {
  const child = spawn(process.execPath, [BARE, JSON.stringify(answers)], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the bare server ended with ${code}`)));
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(Number(/port (\d+)/.exec(text)?.[1])));
  });
  return { port, pid: child.pid ?? 0, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
