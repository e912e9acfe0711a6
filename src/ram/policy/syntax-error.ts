import { SystemError } from '../../base/errors.ts';

/** Where something stands in a text; both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A policy document that cannot be understood. Kind `invalid`, code `POLICY_MALFORMED`. */
export class PolicySyntaxError extends SystemError {
  override readonly name = 'PolicySyntaxError';
  readonly position: Position;
  /** The message without the place. */
  readonly problem: string;

  /** @param problem without a full stop. */
  constructor(problem: string, position: Position) {
    super('invalid', 'POLICY_MALFORMED', `${problem} (line ${position.line}, column ${position.column}).`);
    this.position = position;
    this.problem = problem;
  }
}
