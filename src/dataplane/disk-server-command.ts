/**
 * Threads for file operations in the disk server. With libuv's 4, eight disks that sync keep a ninth's reads waiting:
 * p50 1.0 ms and p99 8.4 ms, against 0.02 and 0.05 ms with 32.
 */
const IO_THREADS = '32';

export interface DiskServerOptions {
  /** The disk server's program file. */
  readonly program: string;
  readonly dataDirectory: string;
  /** `host:port`. */
  readonly nbdListen: string;
  /** PEM files for NBD clients with certificates; absolute paths. */
  readonly nbdCertificates?:
    { readonly certificate: string; readonly privateKey: string; readonly authorities: string } | undefined;
}

/** How a disk server is started, by whoever starts one: what follows the path of Node, and the environment. */
export function diskServerCommand(options: DiskServerOptions): {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
} {
  const { program, dataDirectory, nbdListen, nbdCertificates: files } = options;
  // SIGUSR1 would open an inspector on a process that holds plaintext keys; NODE_OPTIONS could load code into it.
  const { NODE_OPTIONS: _removed, ...environment } = process.env;
  const flags = ['--disable-sigusr1', '--disable-warning=ExperimentalWarning'];
  const tls =
    files === undefined
      ? []
      : ['--nbd-certificate', files.certificate, '--nbd-key', files.privateKey, '--nbd-client-ca', files.authorities];
  return {
    args: [...flags, program, 'disk-server', '--data-dir', dataDirectory, '--nbd-listen', nbdListen, ...tls],
    env: { ...environment, UV_THREADPOOL_SIZE: IO_THREADS },
  };
}
