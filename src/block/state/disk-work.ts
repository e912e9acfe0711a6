/** Counters of what a disk does beside answering its clients. They start at 0 with every open and decide nothing. */
export interface DiskWork {
  /** Checkpoints that became durable, those of snapshots included. */
  checkpoints: number;
  /** Map pages that they sealed. */
  mapSlots: number;
  /** Segments that collections let go of or rewrote, and how many bytes the rewriting wrote; told when one ends. */
  segmentsCollected: number;
  collectedBytes: number;
}

export const NO_WORK: Readonly<DiskWork> = {
  checkpoints: 0,
  mapSlots: 0,
  segmentsCollected: 0,
  collectedBytes: 0,
};

/** What an open disk tells about its work. */
export interface DiskStatistics extends Readonly<DiskWork> {
  /** Slots sealed into the log: blocks and notes. */
  readonly logSlots: number;
  /** Whether one is at work right now. */
  readonly checkpointing: boolean;
  readonly collecting: boolean;
}
