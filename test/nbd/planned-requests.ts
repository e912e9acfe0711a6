// Random requests whose outcome is known: what each must answer, and what the export must hold afterwards.
import * as nbd from '../../src/nbd/protocol.ts';
import { encodeRequest } from '../../src/nbd/request-wire.ts';
import type { Headers } from '../../src/nbd/validate.ts';
import type { Seeded } from '../sim/seeded.ts';

export const BLOCK = 4096;
const MiB = 2 ** 20;

export interface Planned {
  readonly bytes: Buffer;
  readonly cookie: number;
  readonly offset: number;
  /** NBD_E…, 0 for success. */
  readonly error: number;
  /** Of a read that succeeds. */
  readonly content: Buffer | undefined;
}

/** Requests for ranges of their own, so that the order in which they are served does not matter. Changes `model`. */
export function planRequests(dice: Seeded, headers: Headers, model: Buffer, count: number): Planned[] {
  const share = Math.floor(model.length / count / BLOCK) * BLOCK;
  return Array.from({ length: count }, (_, i) => {
    const planner = dice.pick([read, read, write, write, write, zero, trim, harmless, wrongRange, wrongRequest]);
    return planner({ dice, headers, model, cookie: i + 1, start: i * share, share });
  });
}

interface Place {
  readonly dice: Seeded;
  readonly headers: Headers;
  readonly model: Buffer;
  readonly cookie: number;
  readonly start: number;
  readonly share: number;
}

function plan(
  { headers, cookie }: Place,
  request: { type: number; flags?: number; offset?: number; length?: number },
  outcome: { error?: number; content?: Buffer; payload?: Buffer } = {},
): Planned {
  const extended = headers === 'extended';
  const { type, flags = 0, offset = 0, length = 0 } = request;
  const flag = extended && outcome.payload !== undefined ? nbd.NBD_CMD_FLAG_PAYLOAD_LEN : 0;
  const header = Buffer.alloc(32);
  const end = encodeRequest(header, 0, { type, flags: flags | flag, cookie, offset, length }, extended);
  const bytes = Buffer.concat([header.subarray(0, end), outcome.payload ?? Buffer.alloc(0)]);
  return { bytes, cookie, offset, error: outcome.error ?? 0, content: outcome.content };
}

/** A part of the place, at any alignment. */
function part({ dice, start, share }: Place): { offset: number; length: number } {
  const from = dice.below(share);
  const length = dice.chance(0.3) ? dice.below(share - from) + 1 : Math.min(share - from, dice.below(200) + 1);
  return { offset: start + from, length };
}

const fua = (dice: Seeded): number => (dice.chance(0.2) ? nbd.NBD_CMD_FLAG_FUA : 0);

function read(place: Place): Planned {
  const { offset, length } = part(place);
  const flags = fua(place.dice) | (place.headers !== 'simple' && place.dice.chance(0.3) ? nbd.NBD_CMD_FLAG_DF : 0);
  const content = Buffer.from(place.model.subarray(offset, offset + length));
  return plan(place, { type: nbd.NBD_CMD_READ, flags, offset, length }, { content });
}

function write(place: Place): Planned {
  const { offset, length } = part(place);
  const payload = Buffer.alloc(length, place.dice.below(255) + 1);
  payload.copy(place.model, offset);
  return plan(place, { type: nbd.NBD_CMD_WRITE, flags: fua(place.dice), offset, length }, { payload });
}

function zero(place: Place): Planned {
  const { offset, length } = part(place);
  place.model.fill(0, offset, offset + length);
  const flags = fua(place.dice) | (place.dice.chance(0.5) ? nbd.NBD_CMD_FLAG_NO_HOLE : 0);
  return plan(place, { type: nbd.NBD_CMD_WRITE_ZEROES, flags, offset, length });
}

function trim(place: Place): Planned {
  const offset = place.start + BLOCK * place.dice.below(place.share / BLOCK);
  const length = place.start + place.share - offset;
  place.model.fill(0, offset, offset + length);
  return plan(place, { type: nbd.NBD_CMD_TRIM, flags: fua(place.dice), offset, length });
}

function harmless(place: Place): Planned {
  const { offset, length } = part(place);
  return place.dice.pick([
    () => plan(place, { type: nbd.NBD_CMD_FLUSH, flags: fua(place.dice) }),
    () => plan(place, { type: nbd.NBD_CMD_CACHE, offset, length }),
    () => plan(place, { type: nbd.NBD_CMD_READ, offset }, { content: Buffer.alloc(0) }),
    () => {
      const error = place.headers === 'simple' ? nbd.NBD_EINVAL : 0;
      const flags = place.dice.chance(0.5) ? nbd.NBD_CMD_FLAG_REQ_ONE : 0;
      return plan(place, { type: nbd.NBD_CMD_BLOCK_STATUS, flags, offset, length }, { error });
    },
  ])();
}

function wrongRange(place: Place): Planned {
  const { dice, model } = place;
  const offset = dice.pick([model.length, model.length - 1, 2 ** 40, Number.MAX_SAFE_INTEGER]);
  const length = dice.pick([2, 4096, 100_000]);
  return dice.pick([
    () => plan(place, { type: nbd.NBD_CMD_READ, offset, length }, { error: nbd.NBD_EINVAL }),
    () => plan(place, { type: nbd.NBD_CMD_TRIM, offset, length }, { error: nbd.NBD_EINVAL }),
    () => plan(place, { type: nbd.NBD_CMD_WRITE_ZEROES, offset, length }, { error: nbd.NBD_ENOSPC }),
    () => {
      const payload = Buffer.alloc(length, 0xee);
      return plan(place, { type: nbd.NBD_CMD_WRITE, offset, length }, { error: nbd.NBD_ENOSPC, payload });
    },
  ])();
}

function wrongRequest(place: Place): Planned {
  const { dice, headers } = place;
  const error = nbd.NBD_EINVAL;
  return dice.pick([
    () => plan(place, { type: 8 + dice.below(60_000), length: dice.below(2 ** 32) }, { error }),
    () => plan(place, { type: nbd.NBD_CMD_READ, flags: 0x40 << dice.below(10), length: 1 }, { error }),
    () => plan(place, { type: nbd.NBD_CMD_FLUSH, offset: 1 + dice.below(9) }, { error }),
    () => plan(place, { type: nbd.NBD_CMD_READ, length: 32 * MiB + 1 + dice.below(MiB) }, { error }),
    () => {
      // A payload where none belongs goes by; in compact headers nothing but a write can have one.
      if (headers !== 'extended') return plan(place, { type: nbd.NBD_CMD_TRIM, flags: 0x20, length: 1 }, { error });
      const payload = Buffer.alloc(1 + dice.below(70_000), 0xdd);
      const type = dice.pick([nbd.NBD_CMD_FLUSH, nbd.NBD_CMD_READ, nbd.NBD_CMD_BLOCK_STATUS, 77]);
      return plan(place, { type, length: payload.length }, { error, payload });
    },
  ])();
}
