/** What was typed cannot be done; the message names the thing and the way out. */
export class DebugError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DebugError';
  }
}
