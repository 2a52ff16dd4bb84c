/** The stack of the thread that runs: the address of its TEB, in user space. */
export interface UserStack {
  readonly tebAddress: number;
}
