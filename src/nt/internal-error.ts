/** A defect of ours: a service threw something that is no fault of the guest. The machine cannot go on. */
export class InternalError extends Error {
  constructor(
    /** 'kernel32.dll!ReadFile', or the part of the kernel. */
    readonly where: string,
    cause: unknown,
  ) {
    super(`internal error in ${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'InternalError';
  }
}
