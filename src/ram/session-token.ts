import { isKind } from '../base/errors.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { Sealer } from '../metadata/sealer.ts';

/** A role that somebody has assumed for a while: what its security token says. */
export interface Session {
  /** `STS.` and 24 letters and digits. */
  readonly accessKeyId: string;
  /** The account of the role. */
  readonly accountId: string;
  /** As it was given when the role was made. */
  readonly roleName: string;
  readonly roleId: string;
  readonly sessionName: string;
  /** ARN of the user or role that assumed it. */
  readonly assumedBy: string;
  readonly issuedMs: number;
  /** A whole second. */
  readonly expiresMs: number;
  /** Empty: none. Handed down to sessions that are made from this one. */
  readonly sourceIdentity: string;
  /** JSON; empty: none, so that the role's policies alone decide. */
  readonly policy: string;
}

export interface OpenedToken {
  readonly session: Session;
  /** UTF-8 bytes, wiped by the receiver. */
  readonly secret: Uint8Array;
}

const KEY_ID = /^STS\.[A-Za-z0-9]{24}$/;

/** Whether an AccessKey id has the form of a temporary one. */
export const isSessionKeyId = (accessKeyId: string): boolean => KEY_ID.test(accessKeyId);

/** What tokens are sealed for. */
const CONTEXT = 'security-token';
const VERSION = 1;
const TIMES_OFFSET = 1;
const FIELDS_OFFSET = TIMES_OFFSET + 16;
const FIELD_COUNT = 9;
/**
 * Longer than any token of ours: 2,048 characters of policy in three bytes each and 1,500 bytes of other fields, in Base64.
 */
const TOKEN_LENGTH_MAX = 12 * 1024;

/**
 * Security tokens: all that is known of a session, sealed, in the hands of its holder. Nothing of it is stored here.
 * Format: docs/formats/security-token.md.
 */
export class SessionTokens {
  readonly #sealer: Sealer;

  /** @param sealer under the token key (token-key.ts), which seals nothing else. */
  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  seal(session: Session, secret: string): string {
    const plaintext = encode(session, secret);
    try {
      return Buffer.from(this.#sealer.seal(CONTEXT, plaintext)).toString('base64url');
    } finally {
      plaintext.fill(0);
    }
  }

  /** Undefined for anything that `seal` did not make under this key. */
  open(token: string): OpenedToken | undefined {
    if (token.length > TOKEN_LENGTH_MAX) return undefined;
    const sealed = Buffer.from(token, 'base64url');
    // The decoder skips what is no Base64: only the one spelling of each token is taken.
    if (sealed.toString('base64url') !== token) return undefined;
    let plaintext: Uint8Array;
    try {
      plaintext = this.#sealer.open(CONTEXT, sealed);
    } catch (error) {
      if (isKind(error, 'corrupt')) return undefined;
      throw error;
    }
    try {
      return decode(plaintext);
    } finally {
      plaintext.fill(0);
    }
  }
}

function encode(session: Session, secret: string): Uint8Array {
  const fields = [
    session.accessKeyId,
    secret,
    session.accountId,
    session.roleName,
    session.roleId,
    session.sessionName,
    session.assumedBy,
    session.sourceIdentity,
    session.policy,
  ].map((text) => Buffer.from(text, 'utf8'));
  const plaintext = Buffer.alloc(FIELDS_OFFSET + fields.reduce((sum, field) => sum + 2 + field.length, 0));
  plaintext.writeUInt8(VERSION);
  plaintext.writeBigUInt64LE(BigInt(session.issuedMs), TIMES_OFFSET);
  plaintext.writeBigUInt64LE(BigInt(session.expiresMs), TIMES_OFFSET + 8);
  let offset = FIELDS_OFFSET;
  for (const field of fields) {
    offset = plaintext.writeUInt16LE(field.length, offset);
    offset += field.copy(plaintext, offset);
    field.fill(0);
  }
  return plaintext;
}

/** Undefined when the bytes are no session of this version: what opened was sealed here, but perhaps not by this code. */
function decode(plaintext: Uint8Array): OpenedToken | undefined {
  const bytes = Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  if (bytes.length < FIELDS_OFFSET || bytes[0] !== VERSION) return undefined;
  const fields = fieldsOf(bytes.subarray(FIELDS_OFFSET));
  const issuedMs = Number(bytes.readBigUInt64LE(TIMES_OFFSET));
  const expiresMs = Number(bytes.readBigUInt64LE(TIMES_OFFSET + 8));
  if (fields?.length !== FIELD_COUNT || !Number.isSafeInteger(issuedMs) || !Number.isSafeInteger(expiresMs))
    return undefined;
  const text = (index: number): string => Buffer.from(fields[index] ?? []).toString('utf8');
  const session: Session = {
    accessKeyId: text(0),
    accountId: text(2),
    roleName: text(3),
    roleId: text(4),
    sessionName: text(5),
    assumedBy: text(6),
    sourceIdentity: text(7),
    policy: text(8),
    issuedMs,
    expiresMs,
  };
  return { session, secret: wipeableCopy(fields[1] ?? new Uint8Array()) };
}

/** Each a length (u16, little endian) and as many bytes, up to the end. */
function fieldsOf(bytes: Buffer): readonly Uint8Array[] | undefined {
  const fields: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (offset + 2 > bytes.length) return undefined;
    const end = offset + 2 + bytes.readUInt16LE(offset);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(offset + 2, end));
    offset = end;
  }
  return fields;
}
