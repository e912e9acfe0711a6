import type { Commits } from './commits.ts';
import type { DiskState } from './disk-state.ts';
import type { Operations } from './operations.ts';

/** What the parts of an open disk have in common. */
export interface OpenParts {
  readonly state: DiskState;
  readonly readOnly: boolean;
  readonly operations: Operations;
  readonly commits: Commits;
  /** Runs work while nobody else replaces the files of segments. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}
