import { KiB, MiB } from '../base/units.ts';

/** Every bound of the server. A peer can make it hold no more than these allow. */
export interface NbdLimits {
  /** From connect to transmission, TLS included. Generous enough for a person in nbdsh. */
  readonly handshakeMs: number;
  /** The part of it from STARTTLS until the client has proved who it is. */
  readonly tlsHandshakeMs: number;
  /** Connections of one listener that are still in the handshake; one more pushes out the oldest. */
  readonly handshakesMax: number;
  /** Connections in transmission to one export; one more is refused with NBD_REP_ERR_POLICY. */
  readonly connectionsPerExportMax: number;
  /** The same for all exports together. An idle connection costs about 10 KiB and a file descriptor. */
  readonly connectionsMax: number;
  /** Requests of one connection whose replies the client has not taken yet. nbdcopy sends 64, fio up to its iodepth. */
  readonly requestsInFlightMax: number;
  /** Their payloads. One more request is taken when there is less, so the most is this and NBD_PAYLOAD_MAX. */
  readonly bytesInFlightMax: number;
  /** The same for all connections of an export together. */
  readonly bytesInFlightOfExportMax: number;
  /** Of these an export has so many to itself, whatever the others hold. */
  readonly bytesInFlightOfExportMin: number;
  /** And for all of a server, besides what exports have to themselves. */
  readonly bytesInFlightOfServerMax: number;
  /** Longest option that is looked at: two names and some queries. Longer ones are skipped and refused. */
  readonly optionBytesMax: number;
  /** Longest option that is skipped; beyond it the connection is dropped. */
  readonly optionSkipBytesMax: number;
  /** Unread option replies; a client that asks on without reading is dropped. */
  readonly handshakeReplyBytesMax: number;
}

export const DEFAULT_LIMITS: NbdLimits = {
  handshakeMs: 30_000,
  tlsHandshakeMs: 10_000,
  handshakesMax: 64,
  connectionsPerExportMax: 64,
  connectionsMax: 4096,
  requestsInFlightMax: 256,
  bytesInFlightMax: 32 * MiB,
  bytesInFlightOfExportMax: 128 * MiB,
  bytesInFlightOfExportMin: 4 * MiB,
  bytesInFlightOfServerMax: 512 * MiB,
  optionBytesMax: 64 * KiB,
  optionSkipBytesMax: 16 * MiB,
  handshakeReplyBytesMax: 1 * MiB,
};
