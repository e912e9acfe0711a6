import { SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

interface Damage {
  readonly Cause: string;
  readonly File: string;
  readonly Message: string;
}

interface ScrubAnswer {
  readonly DiskId: string;
  readonly Status: 'None' | 'Running' | 'Finished' | 'Stopped' | 'Failed';
  readonly Reason?: string;
  readonly SlotsDone?: number;
  readonly SlotsTotal?: number;
  readonly DamageCount?: number;
  readonly WithKey?: boolean;
  readonly Damages?: { readonly Damage: readonly Damage[] };
}

const POLL_MS = 250;
const BAR_CELLS = 30;
const SLOT_MIB = 4128 / 2 ** 20;

/** Has the server scrub a disk, shows how far it is, and prints what was found. Answers the exit code: 1 for damage. */
export async function scrubDisk(
  diskId: string,
  options: { readonly dataDir?: string; readonly rate?: string; readonly wait: boolean },
  output: Output,
): Promise<number> {
  const dataDirectory = dataDirectoryOf(options);
  await callSealdisk<object>(dataDirectory, 'ScrubDisk', {
    DiskId: diskId,
    ...(options.rate === undefined ? {} : { RateMiB: options.rate }),
  });
  if (!options.wait) {
    output.result({ DiskId: diskId, Status: 'Running' }, [`the scrub of ${diskId} has begun`]);
    return 0;
  }
  let scrub: ScrubAnswer;
  do {
    await systemClock.sleep(POLL_MS);
    scrub = await callSealdisk<ScrubAnswer>(dataDirectory, 'DescribeDiskScrub', { DiskId: diskId });
    showProgress(scrub);
  } while (scrub.Status === 'Running');
  if (scrub.Status !== 'Finished')
    throw new SystemError(
      'conflict',
      'SCRUB_ENDED',
      `the scrub of ${diskId} ended early: ${scrub.Reason ?? 'the disk server was started again'}; begin it again`,
    );
  const { DamageCount: count = 0, Damages: damages = { Damage: [] }, SlotsDone: slots = 0, WithKey: withKey } = scrub;
  const read = `${slots} slots (${Math.ceil(slots * SLOT_MIB)} MiB)`;
  const how = withKey === false ? 'their checksums were compared, without the key' : 'each was verified';
  output.result(scrub, [
    count === 0 ? `${diskId}: no damage in ${read}; ${how}` : `${diskId}: ${count} damaged in ${read}; ${how}`,
    ...damages.Damage.map(({ File, Message }) => `  ${File}: ${Message}`),
    ...(count > damages.Damage.length ? [`  and ${count - damages.Damage.length} more`] : []),
  ]);
  return count === 0 ? 0 : 1;
}

/** One line that changes, for people; a program has DescribeDiskScrub. */
function showProgress({ SlotsDone: done = 0, SlotsTotal: total = 0, Status: status }: ScrubAnswer): void {
  if (!process.stderr.isTTY) return;
  const share = total === 0 ? 0 : done / total;
  const cells = Math.round(share * BAR_CELLS);
  const bar = `${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}`;
  process.stderr.write(`\r[${bar}] ${Math.floor(share * 100)} %${status === 'Running' ? '' : '\n'}`);
}
