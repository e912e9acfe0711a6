import { isKind, SystemError } from '../base/errors.ts';
import { Disk } from './disk.ts';
import type { Environment } from './files/environment.ts';
import type { Pin } from './format/pin.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import { lockDisk, openState } from './open-disk.ts';
import { surveyDisk } from './rebuild/survey.ts';
import { scrubWithoutKey } from './scrub/keyless-scrub.ts';
import type { ScrubReport } from './scrub/scrub-report.ts';

export interface FsckReport {
  /** `whole`: opens, and everything verifies. `damaged`: opens, with damage. `refused`: does not open. */
  readonly verdict: 'whole' | 'damaged' | 'refused';
  /** In plain words, one sentence each. */
  readonly findings: readonly string[];
  /** Undefined when the disk does not open. */
  readonly scrub: ScrubReport | undefined;
}

/**
 * Checks a disk that nobody has open and changes nothing: with the key everything, without it what checksums and copies say.
 * @throws {SystemError} kind `conflict`: somebody has it open. Kind `not-found`.
 */
export async function checkDisk(
  env: Environment,
  request: {
    readonly directory: string;
    readonly diskId: string;
    readonly dataKey: DataKey | undefined;
    readonly pin: Pin | undefined;
  },
): Promise<FsckReport> {
  const { directory, diskId, dataKey, pin } = request;
  if (dataKey === undefined) {
    using lock = await lockDisk(env, directory);
    void lock;
    const scrub = await scrubWithoutKey(env, directory, {});
    const findings = ['without the key only checksums and copies were compared'];
    return { verdict: scrub.damageCount === 0 ? 'whole' : 'damaged', findings, scrub };
  }
  try {
    const options = { diskId, dataKey, pin, readOnly: true, adopt: true, inspect: true };
    const opened = await openState(env, directory, options);
    const disk = new Disk(env, opened, true);
    const findings = opened.recovered
      ? ['the disk was not closed in order; its log is whole, and the next start recovers it']
      : ['the disk was closed in order'];
    try {
      const scrub = await disk.scrub({});
      return { verdict: scrub.damageCount === 0 ? 'whole' : 'damaged', findings, scrub };
    } finally {
      await disk.close();
    }
  } catch (error) {
    if (!(error instanceof SystemError) || !(isKind(error, 'corrupt') || isKind(error, 'rolled-back'))) throw error;
    return {
      verdict: 'refused',
      findings: [error.message, ...(await whatIsLeft(env, request, dataKey))],
      scrub: undefined,
    };
  }
}

/** What a rebuild would have to go by. */
async function whatIsLeft(
  env: Environment,
  { directory }: { readonly directory: string },
  dataKey: DataKey,
): Promise<string[]> {
  const keys = new DiskKeys(env.cipher, dataKey);
  try {
    const survey = await surveyDisk(env, directory, keys);
    for (const { file } of survey.segments) await file.forget();
    const { head, tables, roots, segments, unusable } = survey;
    return [
      ...unusable,
      `what verifies: ${head === undefined ? 'no head' : 'a head'}, ${tables.length} tables, ${roots.size} snapshots, ` +
        `${segments.length} segments`,
    ];
  } finally {
    keys[Symbol.dispose]();
  }
}
