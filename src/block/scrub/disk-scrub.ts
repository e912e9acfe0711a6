import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Commits } from '../state/commits.ts';
import { checkHeadAndTable } from '../state/disk-checks.ts';
import type { DiskState } from '../state/disk-state.ts';
import type { ScrubReport } from './scrub-report.ts';
import { scrub } from './scrub.ts';
import type { ScrubOptions } from './scrub.ts';
import { keptStates } from './scrubbed-states.ts';

/** Scrubs an open disk, as it was when this began. @param closing ends it when the disk is closed. */
export async function scrubDisk(
  state: DiskState,
  commits: Commits,
  options: ScrubOptions,
  closing: AbortSignal,
): Promise<ScrubReport> {
  const { env, directory, keys, store } = state;
  const { diskId } = state.head;
  // The map then has every block that was written before; without space an older one is scrubbed.
  if (state.session !== undefined)
    await commits
      .checkpoint({ clean: false })
      .catch((error: unknown) => env.log.warn({ diskId, reason: messageOf(error) }, 'the scrub goes on without'));
  const target = {
    env,
    directory,
    keys,
    store,
    takeChecksums: !commits.isReplayed,
    diskId,
    states: (log: Logger) => keptStates(state, log),
    checkRecords: (log: Logger) => commits.inTurn(() => checkHeadAndTable(state, log)),
  };
  const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal]);
  return scrub(target, { ...options, signal });
}
