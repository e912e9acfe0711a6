/**
 * Why something is damaged. `rot`: its checksum does not fit, so that its bytes changed after they were written (or
 * somebody changed them without care). `tampering`: the checksum fits and the tag does not: somebody changed both, or
 * the key is another one. `unknown`: no checksum was taken. `missing`: no file. `unreadable`: the store gives an error.
 */
export type Cause = 'rot' | 'tampering' | 'unknown' | 'missing' | 'unreadable';

/** Blocks that cannot be read because of a damage: of the disk as it is (empty name), or of a snapshot. */
export interface Cost {
  readonly snapshotId: string;
  readonly firstBlock: number;
  readonly blockCount: number;
}

export interface Damage {
  readonly cause: Cause;
  /** Name inside the disk's directory. */
  readonly file: string;
  readonly segment?: number;
  readonly slot?: number;
  /** At most `COSTS_MAX`. Empty: a copy is damaged of which there is another, or nothing that is read lies there. */
  readonly costs: readonly Cost[];
  /** One sentence. */
  readonly message: string;
}

export interface ScrubReport {
  /** At most `DAMAGES_MAX`. */
  readonly damages: readonly Damage[];
  /** All of them. */
  readonly damageCount: number;
  /** Slots that some state needs, each read and verified. */
  readonly slots: number;
  /** Without a key only checksums were looked at: slots without one are not in `slots`. */
  readonly withKey: boolean;
}

export const DAMAGES_MAX = 1_000;
/** Of one damage: a block may belong to a thousand snapshots. */
export const COSTS_MAX = 20;

const CAUSES: Readonly<Record<Cause, string>> = {
  rot: 'its bytes changed after they were written (the checksum does not fit)',
  tampering: 'somebody changed it with care, or the key is another one (the checksum fits, the tag does not)',
  unknown: 'it does not verify, and no checksum tells why',
  missing: 'it is not there',
  unreadable: 'the store cannot read it',
};

export function causeInWords(cause: Cause): string {
  return CAUSES[cause];
}

export function costInWords(costs: readonly Cost[]): string {
  if (costs.length === 0) return 'costs nothing';
  const more = costs.length > COSTS_MAX ? ` and ${costs.length - COSTS_MAX} more` : '';
  const told = costs
    .slice(0, COSTS_MAX)
    .map(({ snapshotId, firstBlock, blockCount }) => {
      const last = firstBlock + blockCount - 1;
      const blocks = blockCount === 1 ? `block ${firstBlock}` : `blocks ${firstBlock} to ${last}`;
      return `${blocks} of ${snapshotId === '' ? 'the disk' : snapshotId}`;
    })
    .join(', ');
  return told + more;
}
