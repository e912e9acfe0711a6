/** Programs that the benchmark starts: run to the end, or kept until disposed of. None outlives the benchmark. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
/** For processes that somebody else started for us. */
export function killAtExit(pids: readonly number[]): void {
  process.once('exit', () => {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

function track(child: ChildProcess): ChildProcess {
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}

/** Runs a program and answers its standard output. @throws when it cannot start or ends with anything but 0. */
export function must(program: string, args: readonly string[], options: { input?: string } = {}): Promise<string> {
  const child = track(spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] }));
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}: ${(stderr || stdout).trim()}`));
    });
  });
}

/** A program that serves until it is stopped. */
export class Service implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /**
   * Starts it with its output in `logFile`, and waits until `ready` holds.
   * @throws when it ends first, with what it said.
   */
  static async start(
    command: readonly [string, ...string[]],
    options: { readonly logFile: string; readonly env?: NodeJS.ProcessEnv; readonly ready: () => Promise<boolean> },
  ): Promise<Service> {
    const [program, ...args] = command;
    const log = openSync(options.logFile, 'a');
    const child = track(spawn(program, args, { stdio: ['ignore', log, log], env: options.env ?? process.env }));
    closeSync(log);
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    failed.catch(() => undefined);
    const service = new Service(child, child.pid ?? 0);
    while (!(await Promise.race([options.ready(), failed]))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${command.join(' ')} ended at once:\n${readFileSync(options.logFile, 'utf8')}`);
      await sleep(10);
    }
    return service;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
