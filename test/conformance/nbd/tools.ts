import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where Debian has each tool. */
const PACKAGES = {
  nbdinfo: 'libnbd-bin',
  nbdcopy: 'libnbd-bin',
  nbdfuse: 'libnbd-bin',
  mke2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'qemu-img': 'qemu-utils',
  'qemu-io': 'qemu-utils',
  'qemu-nbd': 'qemu-utils',
  nbdkit: 'nbdkit',
  fio: 'fio',
  'python3-libnbd': 'python3-libnbd',
} as const;
export type Tool = keyof typeof PACKAGES;

/** Debian's own Python: another one in front of it in PATH would not see Debian's modules. */
export const PYTHON = '/usr/bin/python3';

/** What `skip` of a test takes: false, or why the test cannot run here and what to install. */
export function skipWithout(...tools: readonly Tool[]): string | false {
  const missing = tools.find((tool) => !installed(tool));
  return missing === undefined ? false : `${missing} is not installed: apt-get install ${PACKAGES[missing]}`;
}

function installed(tool: Tool): boolean {
  if (tool === 'python3-libnbd') return spawnSync(PYTHON, ['-c', 'import nbd']).status === 0;
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, tool)));
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end, whatever its exit code. A tool that hangs is killed, which the caller sees as code 124. */
export function run(
  tool: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const settings = { timeout: options.timeoutMs ?? 60_000, maxBuffer: 64 * 1024 * 1024 };
    execFile(tool, args, settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 124;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a tool that must succeed; answers its standard output. */
export async function must(tool: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(tool, args);
  if (code !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
