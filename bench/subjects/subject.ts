import type { FioTarget } from '../fio.ts';

/**
 * S us with AES-256-GCM, S4 with SM4-GCM, N with a cipher that only copies, P us without TLS where S is over TLS;
 * Q qemu-nbd with LUKS, K nbdkit with its luks filter, R qemu-nbd raw, F fio on a raw file.
 */
export type SubjectId = (typeof SUBJECT_IDS)[number];
export const SUBJECT_IDS = ['S', 'S4', 'N', 'P', 'Q', 'K', 'R', 'F'] as const;

/** Something that can be measured. `sizeBytes` of it are used. */
export interface Subject extends AsyncDisposable {
  readonly id: SubjectId;
  readonly sizeBytes: number;
  /** On the file system that is measured. */
  readonly folder: string;
  readonly target: FioTarget;
  /** Its server process; undefined when there is none. */
  readonly pid: number | undefined;
  /** The files that hold its data now. */
  files(): readonly string[];
  /** Whether it has work of its own to do. Peers have none that lasts. */
  isWorking?(): Promise<boolean>;
}
