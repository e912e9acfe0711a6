import type { Seeded } from '../sim/seeded.ts';
import type { Model, Outcome, Place } from './model.ts';
import type { ScenarioCloud } from './scenario-cloud.ts';

/** One request, with what the rules say of it. */
export interface Move {
  /** For the person who reads a failure. */
  readonly what: string;
  readonly expected: Outcome;
  /** Makes the request; throws what it is refused with. */
  readonly perform: (cloud: ScenarioCloud) => Promise<object>;
  /** What a success changes. @param answer of the request. */
  readonly apply: (answer: Record<string, string>) => void;
}

/** Where a move is thought up. `place` is whoever asks. */
export interface Turn {
  readonly model: Model;
  readonly dice: Seeded;
  readonly place: Place;
}

/** Undefined: there is nothing to do it with. */
export type MoveMaker = (turn: Turn) => Move | undefined;

/** One of them, mostly; sometimes what is not there: an id that nobody has, or one of somebody else. */
export function someId(dice: Seeded, own: readonly string[], all: readonly string[], unknown: string): string {
  if (own.length > 0 && dice.chance(0.9)) return dice.pick(own);
  return all.length > 0 && dice.chance(0.7) ? dice.pick(all) : unknown;
}
