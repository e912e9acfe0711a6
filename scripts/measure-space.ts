/**
 * Space and write amplification under uniform random overwriting, with the production collector (goal 15):
 * `node bin/node.js scripts/measure-space.ts [--data=MiB] [--laps=N] [--segment=slots] [--below=0.53] [--dir=…]`.
 *
 * Space is what the files of the disk take in the end, everything included, over the live blocks; sampled at every
 * hundredth of the last laps, the average and the worst are printed. Write amplification is every byte that the engine
 * handed to the operating system, maps, tables and heads included, over the bytes that were written by the user.
 * The proportions are those of a large disk: segments, checkpoints and spares are scaled with `--segment`.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { silentLogger } from '../src/base/log.ts';
import { systemClock } from '../src/base/system-clock.ts';
import { systemRandom } from '../src/base/system-random.ts';
import { GiB, MiB } from '../src/base/units.ts';
import { createDisk, openDisk } from '../src/block/disk.ts';
import type { Disk, Environment } from '../src/block/disk.ts';
import type { FileSystem, OpenFile } from '../src/block/files/file-system.ts';
import { localFiles } from '../src/block/files/local-files.ts';
import { loadLibgcrypt } from '../src/crypto/libgcrypt.ts';

const BLOCK_BYTES = 4096;
/** Requests that are under way at the same time. */
const DEPTH = 32;

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '512' },
    laps: { type: 'string', default: '8' },
    segment: { type: 'string', default: '1016' },
    below: { type: 'string', default: '' },
    'space-max': { type: 'string', default: '' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});
const blocks = (Number(values.data) * MiB) / BLOCK_BYTES;
const laps = Number(values.laps);
const segmentSlots = Number(values.segment);

/** Counts what is written. */
class CountedFiles {
  writtenBytes = 0;

  get files(): FileSystem {
    return {
      ...localFiles,
      open: async (at, mode) => this.#counted(await localFiles.open(at, mode)),
      create: async (at) => this.#counted(await localFiles.create(at)),
    };
  }

  #counted(file: OpenFile): OpenFile {
    const write = file.write.bind(file);
    file.write = (data, position) => {
      this.writtenBytes += data.length;
      return write(data, position);
    };
    return file;
  }
}

function diskUsage(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const status = statSync(path.join(directory, name), { throwIfNoEntry: false });
    bytes += status?.isFile() === true ? Math.max(status.size, status.blocks * 512) : 0;
  }
  return bytes;
}

async function overwrite(disk: Disk, count: number, pick: () => number): Promise<void> {
  const body = Buffer.alloc(BLOCK_BYTES, 7);
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await disk.write(pick() * BLOCK_BYTES, body, { fua: false });
      // As a server: the requests of one turn together, then the loop turns.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, client));
}

const directory = mkdtempSync(path.join(values.dir, 'sealdisk-space-'));
const counted = new CountedFiles();
const share = segmentSlots / 16_256;
const env: Environment = {
  files: counted.files,
  clock: systemClock,
  random: systemRandom,
  cipher: loadLibgcrypt(),
  log: { ...silentLogger, warn: (fields, message) => console.error(message, fields) },
  machineId: 'measured',
  limits: {
    segmentSlots,
    checkpointSlots: Math.ceil(131_072 * share),
    checkpointChanges: Math.ceil(262_144 * share),
    ...(values.below === '' ? {} : { rewriteBelow: Number(values.below) }),
    ...(values['space-max'] === '' ? {} : { spaceMax: Number(values['space-max']) }),
  },
};
const dataKey = { suite: 'aes-256-gcm' as const, key: new Uint8Array(32).fill(1) };
const sizeBytes = Math.max(GiB, blocks * BLOCK_BYTES);
const home = path.join(directory, 'd-1');
try {
  await createDisk(env, home, { diskId: 'd-1', sizeBytes, encrypted: true, wrappedKey: Uint8Array.of(1) }, dataKey);
  const disk = await openDisk(env, home, { diskId: 'd-1', dataKey, pin: undefined, readOnly: false });
  let next = 0;
  await overwrite(disk, blocks, () => next++);
  const random = (): number => Math.floor(Math.random() * blocks);
  const warmUp = Math.ceil(laps / 2);
  await overwrite(disk, blocks * warmUp, random);
  const before = counted.writtenBytes;
  const began = performance.now();
  const spaces: number[] = [];
  const samples = 100;
  for (let sample = 0; sample < samples; sample++) {
    await overwrite(disk, Math.ceil((blocks * (laps - warmUp)) / samples), random);
    spaces.push(diskUsage(home) / (blocks * BLOCK_BYTES));
  }
  const seconds = (performance.now() - began) / 1000;
  const userBytes = Math.ceil((blocks * (laps - warmUp)) / samples) * samples * BLOCK_BYTES;
  const result = {
    dataMiB: Number(values.data),
    laps,
    segmentSlots,
    space: average(spaces),
    spaceWorst: Math.max(...spaces),
    writeAmplification: (counted.writtenBytes - before) / userBytes,
    writesPerSecond: Math.round(userBytes / BLOCK_BYTES / seconds),
    statistics: disk.lastCollection,
  };
  await disk.close();
  if (values.json) console.log(JSON.stringify(result));
  else
    console.log(
      `${result.dataMiB} MiB overwritten at random, ${laps} laps, segments of ${segmentSlots} slots\n` +
        `space over live data: ${result.space.toFixed(3)} on average, ${result.spaceWorst.toFixed(3)} at worst\n` +
        `write amplification:  ${result.writeAmplification.toFixed(3)} (user writes = 1, everything counted)\n` +
        `writes a second:      ${result.writesPerSecond}`,
    );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
