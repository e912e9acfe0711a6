import { SystemError } from '../../base/errors.ts';
import type { Composition, FsckAnswer } from '../composition.ts';
import type { Output } from '../output.ts';

export interface FsckCommand {
  readonly dataDir?: string;
  readonly keys: boolean;
  readonly rebuild?: boolean;
  readonly size?: string;
  readonly wrappedKey?: string;
}

/** Checks or rebuilds a disk that nobody has open. Answers the exit code: 0 whole, 1 damaged, refused, or something lost. */
export async function fsckDisk(
  disk: string,
  options: FsckCommand,
  composition: Composition,
  output: Output,
): Promise<number> {
  const sizeGib = options.size === undefined ? undefined : Number(options.size);
  if (sizeGib !== undefined && !(Number.isInteger(sizeGib) && sizeGib > 0))
    throw new SystemError('invalid', 'BAD_SIZE', '--size is the size of the disk in GiB, a whole number');
  if (options.rebuild === true && !options.keys)
    throw new SystemError('invalid', 'NO_KEY', 'a rebuild needs the key; leave --no-keys out');
  const answer = await composition.fsck({
    disk,
    dataDirectory: options.dataDir,
    withKeys: options.keys,
    rebuild: options.rebuild ?? false,
    sizeGib,
    wrappedKeyFile: options.wrappedKey,
  });
  const { lines, isWhole } = inWords(disk, answer);
  output.result(answer, lines);
  return isWhole ? 0 : 1;
}

function inWords(disk: string, { check, rebuilt }: FsckAnswer): { lines: string[]; isWhole: boolean } {
  if (rebuilt !== undefined) {
    const damages = rebuilt.scrub.damages.map(({ message }) => message);
    const lost = [...rebuilt.lost, ...damages];
    return {
      isWhole: lost.length === 0 && rebuilt.resurrected.length === 0,
      lines: [
        `${disk} was rebuilt and read back: ${rebuilt.scrub.slots} slots, ${rebuilt.snapshotIds.length} snapshots`,
        `  the damaged files are in ${rebuilt.aside}`,
        ...lost.map((sentence) => `  lost: ${sentence}`),
        ...rebuilt.resurrected.map((sentence) => `  may be back: ${sentence}`),
      ],
    };
  }
  const verdict = check?.verdict ?? 'refused';
  const words = { whole: 'no damage', damaged: 'damaged', refused: 'does not open' }[verdict];
  return {
    isWhole: verdict === 'whole',
    lines: [
      `${disk}: ${words}`,
      ...(check?.findings ?? []).map((finding) => `  ${finding}`),
      ...(check?.scrub?.damages ?? []).map(({ file, message }) => `  ${file}: ${message}`),
      ...(verdict === 'refused' ? [`  to make it anew from what is left: sealdisk fsck ${disk} --rebuild`] : []),
    ],
  };
}
