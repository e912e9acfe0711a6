/** On what the numbers were made. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

import { GiB } from '../src/base/units.ts';
import { silentLogger } from '../src/base/log.ts';
import { selectCipherBackend } from '../src/crypto/cipher-backend.ts';
import { must } from './run.ts';

const firstLine = (text: string): string => text.split('\n')[0]?.trim() ?? '';

/** With the programs that we are compared with. */
export async function describeMachine(folder: string): Promise<Record<string, string>> {
  const version = async (program: string): Promise<string> => firstLine(await must(program, ['--version']));
  const peers = [await version('fio'), await version('qemu-nbd'), await version('nbdkit')].join('; ');
  return { ...(await describeOurselves(folder)), Peers: peers };
}

/** The machine and what we use of it. */
export async function describeOurselves(folder: string): Promise<Record<string, string>> {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  const simd = ['aes', 'pclmulqdq', 'gfni', 'vaes', 'vpclmulqdq', 'avx2', 'avx512f'].filter((flag) =>
    flags.includes(flag),
  );
  return {
    Processor: `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'} (${simd.join(' ')})`,
    Memory: `${(totalmem() / GiB).toFixed(1)} GiB`,
    'File system': firstLine(await must('stat', ['--file-system', '--format=%T', folder])),
    Kernel: release(),
    Node: process.version,
    Ciphers: selectCipherBackend(silentLogger).name,
    'Load before': loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
  };
}
