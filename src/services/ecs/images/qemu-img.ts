import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { SystemError } from '../../../base/errors.ts';

export type FileFormat = 'raw' | 'qcow2';

/** Moves bytes between files and exports on this machine. Implementation: `qemuImg`. */
export interface ImageConverter {
  /**
   * The size of the disk that is in a file.
   * @throws {SystemError} kind `invalid`: not of that format, or it refers to other files.
   */
  inspect(file: string, format: FileFormat): Promise<{ readonly sizeBytes: number }>;
  /** Writes a file into an export that is empty. @throws {SystemError} kind `invalid`. */
  read(file: string, format: FileFormat, target: ConvertedExport, options: ConvertOptions): Promise<void>;
  /** Writes an export into a file. @throws {SystemError} kind `invalid`. */
  write(source: ConvertedExport, file: string, format: FileFormat, options: ConvertOptions): Promise<void>;
}

export interface ConvertedExport {
  readonly name: string;
  readonly socketPath: string;
}

export interface ConvertOptions {
  readonly signal: AbortSignal;
  /** 0 to 100. */
  readonly onProgress: (percent: number) => void;
}

const QCOW2_MAGIC = Buffer.from('QFI\u00fb', 'latin1');
/** What is kept of what the program says. */
const OUTPUT_MAX = 64 * 1024;

/** By its first bytes; what is no qcow2 is raw. */
export async function formatOf(file: string): Promise<FileFormat> {
  const handle = await open(file, 'r');
  try {
    const first = Buffer.alloc(QCOW2_MAGIC.length);
    await handle.read(first, 0, first.length, 0);
    return first.equals(QCOW2_MAGIC) ? 'qcow2' : 'raw';
  } finally {
    await handle.close();
  }
}

/** The program of that name, which has to be installed. */
export const qemuImg: ImageConverter = {
  async inspect(file, format) {
    const text = await run(['info', '--output=json', '-f', format, file], { onLine: () => undefined });
    const info = JSON.parse(text) as {
      'virtual-size': number;
      'backing-filename'?: string;
      encrypted?: boolean;
      'format-specific'?: { data?: { 'data-file'?: string } };
    };
    // Otherwise the file of one account could show any file of this machine.
    const isWhole =
      info['backing-filename'] === undefined && info['format-specific']?.data?.['data-file'] === undefined;
    if (isWhole && info.encrypted !== true) return { sizeBytes: info['virtual-size'] };
    throw refused(
      'The file is encrypted, or only a part: it refers to another file; convert it to one whole file first.',
    );
  },
  async read(file, format, target, options) {
    await run(
      ['convert', '-p', '-n', '--target-is-zero', '-f', format, '-O', 'raw', file, uri(target)],
      watched(options),
    );
  },
  async write(source, file, format, options) {
    await run(['convert', '-p', '-f', 'raw', '-O', format, uri(source), file], watched(options));
  },
};

function uri({ name, socketPath }: ConvertedExport): string {
  return `nbd+unix:///${encodeURIComponent(name)}?socket=${encodeURIComponent(socketPath)}`;
}

function watched({ signal, onProgress }: ConvertOptions) {
  const onLine = (text: string): void => {
    const percent = /\((\d+\.\d+)\/100%\)\s*$/.exec(text)?.[1];
    if (percent !== undefined) onProgress(Math.floor(Number(percent)));
  };
  return { signal, onLine };
}

async function run(
  args: readonly string[],
  { signal, onLine }: { readonly signal?: AbortSignal; readonly onLine: (text: string) => void },
): Promise<string> {
  const child = spawn('qemu-img', args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
  let [output, complaint] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_MAX);
    onLine(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-OUTPUT_MAX)));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject).on('close', resolve);
  const code = await promise.catch((error: unknown) => {
    if (signal?.aborted === true) throw new SystemError('unavailable', 'STOPPING', 'The server is stopping.');
    throw new SystemError(
      'unavailable',
      'NO_QEMU_IMG',
      'qemu-img cannot be started; install qemu-utils on this machine.',
      {
        cause: error,
      },
    );
  });
  if (code === 0) return output;
  throw refused(`qemu-img refused: ${withoutFolders(complaint, args).trim().split('\n').at(-1)?.slice(0, 300) ?? ''}`);
}

function refused(message: string): SystemError {
  return new SystemError('invalid', 'IMAGE_FILE_REFUSED', message);
}

/** Where the store and the sockets are is nobody's business. */
function withoutFolders(complaint: string, args: readonly string[]): string {
  const folders = args.filter((arg) => path.isAbsolute(arg)).map((file) => `${path.dirname(file)}/`);
  return folders
    .reduce((text, folder) => text.replaceAll(folder, ''), complaint)
    .replaceAll(/nbd\+unix:\S+/g, 'the export');
}
