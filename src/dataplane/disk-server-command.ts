/**
 * Threads for file operations in the disk server. With libuv's 4, eight disks that sync keep a ninth's reads waiting:
 * p50 1.0 ms and p99 8.4 ms, against 0.02 and 0.05 ms with 32.
 */
const IO_THREADS = '32';

/** How a disk server is started, by whoever starts one: what follows the path of Node, and the environment. */
export function diskServerCommand(options: {
  /** The disk server's program file. */
  readonly program: string;
  readonly dataDirectory: string;
  /** `host:port`. */
  readonly nbdListen: string;
}): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const { program, dataDirectory, nbdListen } = options;
  // SIGUSR1 would open an inspector on a process that holds plaintext keys; NODE_OPTIONS could load code into it.
  const { NODE_OPTIONS: _removed, ...environment } = process.env;
  const flags = ['--disable-sigusr1', '--disable-warning=ExperimentalWarning'];
  return {
    args: [...flags, program, 'disk-server', '--data-dir', dataDirectory, '--nbd-listen', nbdListen],
    env: { ...environment, UV_THREADPOOL_SIZE: IO_THREADS },
  };
}
