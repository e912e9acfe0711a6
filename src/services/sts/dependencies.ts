import type { SessionParts } from '../../ram/assume-role.ts';

/** What the STS operations work with. */
export type StsDependencies = SessionParts;
