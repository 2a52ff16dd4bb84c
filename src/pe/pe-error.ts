/**
 * Why an image is refused. `status` is the NTSTATUS that NtCreateSection with SEC_IMAGE answers, or that the loader
 * reports when a directory of a mapped image is broken.
 */
export class PeError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'PeError';
    this.status = status;
  }
}
