/** What verify() throws: an invariant of the memory manager does not hold. The message names the structure and the values. */
export class VerifyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VerifyError';
  }
}
