import type { AuditTrail } from '../../src/rpc/ports.ts';

/** An audit log that keeps nothing, for tests that are about something else. */
export const unrecorded: AuditTrail = {
  during: (_requestId, body) => body(),
  begin: () => Promise.resolve(),
  end: () => Promise.resolve(),
};
