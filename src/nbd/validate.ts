import type { Refusal } from './errno.ts';
import { CONTEXTS_SELECTED_MAX } from './metadata-contexts.ts';
import * as nbd from './protocol.ts';
import type { Request } from './request-wire.ts';

/** What of a connection and its export decides whether a request is allowed. */
export interface ServedExport {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly preferredBlockBytes: number;
  /** What NBD_OPT_STRUCTURED_REPLY and NBD_OPT_EXTENDED_HEADERS led to. */
  readonly headers: Headers;
  /** At least one metadata context was selected for this export. */
  readonly blockStatus: boolean;
}

/** How the messages of a connection look. `simple` and `structured` requests are the same: compact ones. */
export type Headers = 'simple' | 'structured' | 'extended';

interface Rule {
  /** Command flags besides FUA, which "MUST be accepted on all commands". */
  readonly flags: number;
  /** NBD_CMD_FLAG_PAYLOAD_LEN may be set with extended headers. */
  readonly payloadFlag?: true;
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
  /* WRITE         */ { flags: 0, payloadFlag: true, writes: true, payload: true, pastEnd: NBD_ENOSPC },
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
  /* BLOCK_STATUS  */ {
    flags: nbd.NBD_CMD_FLAG_REQ_ONE,
    payloadFlag: true,
    writes: false,
    payload: false,
    pastEnd: NBD_EINVAL,
  },
];

/** Effect length and as many ids as can be selected. */
const STATUS_PAYLOAD_BYTES_MAX = 8 + 4 * CONTEXTS_SELECTED_MAX;

const UNKNOWN: Refusal = { error: NBD_EINVAL, message: 'The command is not known here.' };
const BAD_FLAG: Refusal = { error: NBD_EINVAL, message: 'A flag does not belong to this command, or was not offered.' };
const READ_ONLY: Refusal = { error: nbd.NBD_EPERM, message: 'The export is read-only.' };
const TOO_LONG: Refusal = { error: NBD_EINVAL, message: 'A read or write may be 32 MiB long at most.' };
const NOT_ZERO: Refusal = { error: NBD_EINVAL, message: 'Offset and length of this command must be zero.' };
const PAST_END: Refusal = { error: NBD_EINVAL, message: 'The range reaches past the end of the export.' };
const WRITE_PAST_END: Refusal = { error: NBD_ENOSPC, message: 'The range reaches past the end of the export.' };
const NO_CONTEXT: Refusal = { error: NBD_EINVAL, message: 'Block status needs a context, and none was selected.' };
const NO_PAYLOAD: Refusal = { error: NBD_EINVAL, message: 'A write needs its payload, and the flag that says so.' };
const TOO_MANY_CONTEXTS: Refusal = { error: NBD_EINVAL, message: 'The list of contexts is too long.' };
const EMPTY_STATUS: Refusal = { error: NBD_EINVAL, message: 'Block status needs a length above zero.' };
const NOT_FAST: Refusal = { error: nbd.NBD_ENOTSUP, message: 'Zeroing this range is no faster than writing it.' };

/** The refusal of `request` by its header, or undefined when it may go on. Not for NBD_CMD_DISC. Pure. */
export function refuse(request: Request, served: ServedExport): Refusal | undefined {
  const rule = RULES[request.type];
  if (rule === undefined) return UNKNOWN;
  const extended = served.headers === 'extended';
  const payloadFlag = extended && rule.payloadFlag ? nbd.NBD_CMD_FLAG_PAYLOAD_LEN : 0;
  if ((request.flags & ~(rule.flags | payloadFlag | nbd.NBD_CMD_FLAG_FUA)) !== 0) return BAD_FLAG;
  if ((request.flags & nbd.NBD_CMD_FLAG_DF) !== 0 && served.headers === 'simple') return BAD_FLAG;
  if (rule.writes && served.readOnly) return READ_ONLY;
  if (rule.payload && request.length > nbd.NBD_PAYLOAD_MAX) return TOO_LONG;
  const hasPayloadFlag = (request.flags & nbd.NBD_CMD_FLAG_PAYLOAD_LEN) !== 0;
  if (extended && request.type === nbd.NBD_CMD_WRITE && !hasPayloadFlag) return NO_PAYLOAD;
  if (request.type === nbd.NBD_CMD_BLOCK_STATUS && !served.blockStatus) return NO_CONTEXT;
  // The length is that of a list of contexts; `refuseStatus` judges the range that comes with it.
  if (request.type === nbd.NBD_CMD_BLOCK_STATUS && hasPayloadFlag) {
    return request.length > STATUS_PAYLOAD_BYTES_MAX ? TOO_MANY_CONTEXTS : undefined;
  }
  if (rule.pastEnd === undefined) {
    if (request.offset !== 0 || request.length !== 0) return NOT_ZERO;
  } else if (request.offset + request.length > served.sizeBytes) {
    return rule.pastEnd === NBD_ENOSPC ? WRITE_PAST_END : PAST_END;
  }
  if (request.type === nbd.NBD_CMD_BLOCK_STATUS && request.length === 0) return EMPTY_STATUS;
  if ((request.flags & nbd.NBD_CMD_FLAG_FAST_ZERO) !== 0 && !isFastZero(request, served)) return NOT_FAST;
  return undefined;
}

/** The same for the range that a block status with payload asks about. Pure. */
export function refuseStatus(offset: number, length: number, served: ServedExport): Refusal | undefined {
  if (length === 0) return EMPTY_STATUS;
  return offset + length > served.sizeBytes ? PAST_END : undefined;
}

/** Whole blocks become holes without touching data; a part of a block, or space kept for it, costs a write. */
function isFastZero(request: Request, served: ServedExport): boolean {
  return (
    (request.flags & nbd.NBD_CMD_FLAG_NO_HOLE) === 0 &&
    request.offset % served.preferredBlockBytes === 0 &&
    request.length % served.preferredBlockBytes === 0
  );
}
