/** Counters of what a disk does beside answering its clients. They start at 0 with every open and decide nothing. */
export interface DiskWork {
  /** Checkpoints that became durable, those of snapshots included. */
  checkpoints: number;
  /** Map pages that they sealed. */
  mapSlots: number;
  /** Segments that a collector replaced by smaller ones, removed, or made spare. */
  segmentsCollected: number;
  /** Slots that a collector wrote again. */
  slotsCopied: number;
  /** Whether a collector is at work right now. */
  collecting: boolean;
}

export const NO_WORK: Readonly<DiskWork> = {
  checkpoints: 0,
  mapSlots: 0,
  segmentsCollected: 0,
  slotsCopied: 0,
  collecting: false,
};

/** What an open disk tells about its work. */
export interface DiskStatistics extends Readonly<DiskWork> {
  /** Slots sealed into the log: blocks and notes. */
  readonly logSlots: number;
  /** Whether a checkpoint is at work right now. */
  readonly checkpointing: boolean;
}
