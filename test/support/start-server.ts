/** A real `sealdisk serve` in a process of its own, on free ports and a temporary data directory. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const REPOSITORY = path.resolve(import.meta.dirname, '../..');
export const SEALDISK = path.join(REPOSITORY, 'bin/sealdisk.js');

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Finished> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? toolEnvironment() });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128), stdout, stderr }));
  });
}

/** Debian keeps e2fsprogs out of an ordinary user's PATH. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

export interface Credentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

export interface ServerOptions {
  readonly dataDirectory?: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** The program, when it is not this repository's own. */
  readonly sealdisk?: string;
  /** Do not wait until it is unsealed. */
  readonly sealed?: boolean;
}

export class TestServer implements AsyncDisposable {
  readonly dataDirectory: string;
  readonly apiPort: number;
  readonly nbdPort: number;
  readonly #ownsDirectory: boolean;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #args: readonly string[];
  readonly #sealdisk: string;
  readonly #mayBeSealed: boolean;
  #process: ChildProcess | undefined;

  private constructor(
    dataDirectory: string,
    ownsDirectory: boolean,
    apiPort: number,
    nbdPort: number,
    options: ServerOptions,
  ) {
    this.dataDirectory = dataDirectory;
    this.#ownsDirectory = ownsDirectory;
    this.apiPort = apiPort;
    this.nbdPort = nbdPort;
    this.#environment = { ...process.env, ...options.environment };
    this.#mayBeSealed = options.sealed ?? false;
    this.#args = options.args ?? [];
    this.#sealdisk = options.sealdisk ?? SEALDISK;
  }

  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const dataDirectory = options.dataDirectory ?? mkdtempSync(path.join(tmpdir(), 'sealdisk-'));
    const server = new TestServer(
      dataDirectory,
      options.dataDirectory === undefined,
      await freePort(),
      await freePort(),
      options,
    );
    await server.start();
    return server;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the server is not running');
    return pid;
  }

  get credentials(): Credentials {
    return JSON.parse(readFileSync(path.join(this.dataDirectory, 'credentials.json'), 'utf8')) as Credentials;
  }

  /** What `test/support/sdk-clients.ts` wants. */
  get endpoint(): { host: string; port: number; accessKeyId: string; accessKeySecret: string; regionId: string } {
    const { accessKeyId, accessKeySecret } = this.credentials;
    return { host: '127.0.0.1', port: this.apiPort, accessKeyId, accessKeySecret, regionId: 'cn-hangzhou' };
  }

  get logFile(): string {
    return `${this.dataDirectory}.serve.log`;
  }

  /** Starts the control plane (again) and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        this.#sealdisk,
        'serve',
        '--data-dir',
        this.dataDirectory,
        '--listen',
        `127.0.0.1:${this.apiPort}`,
        '--nbd-listen',
        `127.0.0.1:${this.nbdPort}`,
        ...this.#args,
      ],
      { stdio: ['ignore', log, log], env: this.#environment },
    );
    closeSync(log);
    this.#process = child;
    await until('the server to answer', async () => {
      if (child.exitCode !== null)
        throw new Error(`the server ended with ${child.exitCode}: ${readFileSync(this.logFile, 'utf8')}`);
      const response = await fetch(`http://127.0.0.1:${this.apiPort}/healthz`).catch(() => undefined);
      return response?.status === 200 || (this.#mayBeSealed && response?.status === 503);
    });
  }

  /** Sends a signal to the control plane and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }

  /** Process ids of disk servers of this data directory. */
  async diskServerPids(): Promise<number[]> {
    return processesOf((words) => words.includes('disk-server') && words.includes(this.dataDirectory));
  }

  /** Runs the command line against this server. */
  sealdisk(...args: string[]): Promise<Finished> {
    return this.sealdiskWith({}, ...args);
  }

  /** The same, with something on standard input. */
  sealdiskWith(options: { readonly input?: string }, ...args: string[]): Promise<Finished> {
    const words = ['--disable-warning=ExperimentalWarning', this.#sealdisk, ...args, '--data-dir', this.dataDirectory];
    return runProgram(process.execPath, words, options);
  }

  /** Runs a command with --json and answers its object; throws what it said when it fails. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.sealdisk(...args, '--json');
    if (code !== 0) throw new Error(`sealdisk ${args.join(' ')} exited ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM');
    for (const pid of await this.diskServerPids()) process.kill(pid, 'SIGKILL');
    if (!this.#ownsDirectory) return;
    rmSync(this.dataDirectory, { recursive: true, force: true, maxRetries: 5 });
    rmSync(this.logFile, { force: true });
  }
}

/** Process ids by their command lines. */
export function processesOf(matches: (words: readonly string[]) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && matches(commandLine(name)))
    .map(Number);
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Polls until `condition` holds; throws after `seconds`. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(20);
  }
}
