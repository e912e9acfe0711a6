/** The real clients that tests drive, as Debian packages them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

export interface Tool {
  readonly program: string;
  readonly debianPackage: string;
}

export const TOOLS: readonly Tool[] = [
  { program: 'nbdinfo', debianPackage: 'libnbd-bin' },
  { program: 'nbdcopy', debianPackage: 'libnbd-bin' },
  { program: 'nbdsh', debianPackage: 'python3-libnbd' },
  { program: 'python3', debianPackage: 'python3' },
  { program: 'qemu-img', debianPackage: 'qemu-utils' },
  { program: 'qemu-io', debianPackage: 'qemu-utils' },
  { program: 'qemu-nbd', debianPackage: 'qemu-utils' },
  { program: 'nbdkit', debianPackage: 'nbdkit' },
  { program: 'fio', debianPackage: 'fio' },
  { program: 'mke2fs', debianPackage: 'e2fsprogs' },
  { program: 'e2fsck', debianPackage: 'e2fsprogs' },
  { program: 'nbdfuse', debianPackage: 'libnbd-bin' },
  { program: 'mkfs.xfs', debianPackage: 'xfsprogs' },
  { program: 'softhsm2-util', debianPackage: 'softhsm2' },
  { program: 'pkcs11-tool', debianPackage: 'opensc' },
];

/** What `npm run bench` uses besides. Newer Debian releases have fincore in this package, older ones always have it. */
export const BENCH_TOOLS: readonly Tool[] = [...TOOLS, { program: 'fincore', debianPackage: 'util-linux-extra' }];

/** Debian keeps administrators' programs out of an ordinary user's PATH. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];

function isInstalled({ program }: Tool): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs what is missing when it may (root, apt-get), and answers what is still missing. */
export function ensureTools(tools: readonly Tool[] = TOOLS): readonly Tool[] {
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length === 0 || process.getuid?.() !== 0) return missing;
  const packages = [...new Set(missing.map((tool) => tool.debianPackage))];
  process.stdout.write(`installing ${packages.join(' ')}\n`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-q'],
    ['install', '-y', '-q', '--no-install-recommends', ...packages],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
    if (status !== 0) process.stderr.write(`apt-get ${args[0]} failed: ${String(stderr ?? '').trim()}\n`);
  }
  return tools.filter((tool) => !isInstalled(tool));
}
