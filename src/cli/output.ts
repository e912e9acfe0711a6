/** What a command prints: one JSON object, or lines for people. */
export class Output {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** The command's answer. `lines` is how a person wants to read it. */
  result(value: object, lines: readonly string[]): void {
    process.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : `${lines.join('\n')}\n`);
  }

  /** Something to know that is not the answer. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}
