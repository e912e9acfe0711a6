import { SystemError } from '../base/errors.ts';
import type { Link } from './chain.ts';

/** A point of a log, to be kept where whoever may change the log cannot reach: one line of text. */
export interface Anchor extends Link {
  readonly logId: string;
}

const ANCHOR = /^sealdisk-audit:1:([0-9a-f-]{36}):(\d{1,15}):([A-Za-z0-9_-]{43})$/;

export function formatAnchor({ logId, seq, hash }: Anchor): string {
  return `sealdisk-audit:1:${logId}:${seq}:${hash}`;
}

/**
 * Every line is an anchor; empty ones do not count, and there may be none.
 * @throws {SystemError} kind `invalid`, code `ANCHOR_FORM`.
 */
export function parseAnchors(text: string): readonly Anchor[] {
  const lines = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  return lines.map((line) => {
    const [, logId, seq, hash] = ANCHOR.exec(line) ?? [];
    if (logId === undefined || hash === undefined) throw malformed(`has a line that is none: ${line.slice(0, 80)}`);
    return { logId, seq: Number(seq), hash };
  });
}

function malformed(what: string): SystemError {
  return new SystemError(
    'invalid',
    'ANCHOR_FORM',
    `The text of anchors ${what}; take what sealdisk audit anchor printed.`,
  );
}
