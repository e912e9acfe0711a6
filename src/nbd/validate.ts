import type { Refusal } from './errno.ts';
import * as nbd from './protocol.ts';
import type { Request } from './transmission-wire.ts';

/** What of a connection and its export decides whether a request is allowed. */
export interface ServedExport {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly preferredBlockBytes: number;
  /** NBD_OPT_STRUCTURED_REPLY was negotiated. */
  readonly structured: boolean;
  /** base:allocation was selected for this export. */
  readonly blockStatus: boolean;
}

interface Rule {
  /** Command flags besides FUA, which "MUST be accepted on all commands". */
  readonly flags: number;
  readonly writes: boolean;
  /** Carries its length as payload, in the request or in the reply. */
  readonly payload: boolean;
  /** Answer to a range that reaches past the end; undefined: offset and length must be zero. */
  readonly pastEnd: number | undefined;
}

const { NBD_EINVAL, NBD_ENOSPC } = nbd;

/** Source: NBD proto.md, "Request types", "Command flags", "Error values". */
const RULES: readonly (Rule | undefined)[] = [
  /* READ          */ { flags: nbd.NBD_CMD_FLAG_DF, writes: false, payload: true, pastEnd: NBD_EINVAL },
  /* WRITE         */ { flags: 0, writes: true, payload: true, pastEnd: NBD_ENOSPC },
  /* DISC          */ undefined, // has no reply, so nothing to refuse
  /* FLUSH         */ { flags: 0, writes: false, payload: false, pastEnd: undefined },
  /* TRIM          */ { flags: 0, writes: true, payload: false, pastEnd: NBD_EINVAL },
  /* CACHE         */ { flags: 0, writes: false, payload: false, pastEnd: NBD_EINVAL },
  /* WRITE_ZEROES  */ {
    flags: nbd.NBD_CMD_FLAG_NO_HOLE | nbd.NBD_CMD_FLAG_FAST_ZERO,
    writes: true,
    payload: false,
    pastEnd: NBD_ENOSPC,
  },
  /* BLOCK_STATUS  */ { flags: nbd.NBD_CMD_FLAG_REQ_ONE, writes: false, payload: false, pastEnd: NBD_EINVAL },
];

const UNKNOWN: Refusal = { error: NBD_EINVAL, message: 'The command is not known here.' };
const BAD_FLAG: Refusal = { error: NBD_EINVAL, message: 'A flag does not belong to this command, or was not offered.' };
const READ_ONLY: Refusal = { error: nbd.NBD_EPERM, message: 'The export is read-only.' };
const TOO_LONG: Refusal = { error: NBD_EINVAL, message: 'A read or write may be 32 MiB long at most.' };
const NOT_ZERO: Refusal = { error: NBD_EINVAL, message: 'Offset and length of this command must be zero.' };
const PAST_END: Refusal = { error: NBD_EINVAL, message: 'The range reaches past the end of the export.' };
const WRITE_PAST_END: Refusal = { error: NBD_ENOSPC, message: 'The range reaches past the end of the export.' };
const NO_CONTEXT: Refusal = {
  error: NBD_EINVAL,
  message: 'Block status needs base:allocation, which was not selected.',
};
const EMPTY_STATUS: Refusal = { error: NBD_EINVAL, message: 'Block status needs a length above zero.' };
const NOT_FAST: Refusal = { error: nbd.NBD_ENOTSUP, message: 'Zeroing this range is no faster than writing it.' };

/** The refusal of `request`, or undefined when it may go to the export. Not for NBD_CMD_DISC. Pure. */
export function refuse(request: Request, served: ServedExport): Refusal | undefined {
  const rule = RULES[request.type];
  if (rule === undefined) return UNKNOWN;
  if ((request.flags & ~(rule.flags | nbd.NBD_CMD_FLAG_FUA)) !== 0) return BAD_FLAG;
  if ((request.flags & nbd.NBD_CMD_FLAG_DF) !== 0 && !served.structured) return BAD_FLAG;
  if (rule.writes && served.readOnly) return READ_ONLY;
  if (rule.payload && request.length > nbd.NBD_PAYLOAD_MAX) return TOO_LONG;
  if (rule.pastEnd === undefined) {
    if (request.offset !== 0 || request.length !== 0) return NOT_ZERO;
  } else if (request.offset + request.length > served.sizeBytes) {
    return rule.pastEnd === NBD_ENOSPC ? WRITE_PAST_END : PAST_END;
  }
  if (request.type === nbd.NBD_CMD_BLOCK_STATUS) {
    if (!served.blockStatus) return NO_CONTEXT;
    if (request.length === 0) return EMPTY_STATUS;
  }
  if ((request.flags & nbd.NBD_CMD_FLAG_FAST_ZERO) !== 0 && !isFastZero(request, served)) return NOT_FAST;
  return undefined;
}

/** Whole blocks become holes without touching data; a part of a block, or space kept for it, costs a write. */
function isFastZero(request: Request, served: ServedExport): boolean {
  return (
    (request.flags & nbd.NBD_CMD_FLAG_NO_HOLE) === 0 &&
    request.offset % served.preferredBlockBytes === 0 &&
    request.length % served.preferredBlockBytes === 0
  );
}
