/** Checks an invariant of our own code; never input from a client, a file or the network. Stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}

/** Marks a branch that the types already exclude. */
export function unreachable(value: never): never {
  throw new Error(`bug: unreachable value ${String(value)}`);
}
