import {
  STATUS_ACCESS_VIOLATION,
  STATUS_BAD_STACK,
  STATUS_IN_PAGE_ERROR,
  STATUS_INVALID_SYSTEM_SERVICE,
} from '../base/ntstatus.js';
import { XMM } from '../machine/cpu/layout.js';
import type { Processor } from '../machine/processor.js';
import { GuestFault, NON_CANONICAL, PAGE_WAIT, type UserMemory } from '../mm/user-memory.js';
import { testForAlert } from './apc.js';
import { CONTEXT_SIZE, restoreContext } from './context-record.js';
import { raiseException } from './exception-dispatch.js';
import { InternalError } from './internal-error.js';
import { releaseWaiters } from './io-completion.js';
import type { Kernel } from './kernel.js';
import { waitForPage } from './page-wait.js';
import type { Process } from './process.js';
import { terminateProcess } from './process-delete.js';
import {
  KI_SERVICE_RETURN,
  PENDING,
  type ServiceCall,
  type ServiceEntry,
  type ServiceResult,
} from './service.js';
import {
  FRAME_ARGUMENTS,
  FRAME_MAGIC,
  FRAME_RIP,
  FRAME_RSP,
  FRAME_SAVED,
  FRAME_SAVED_COUNT,
  FRAME_SERVICE,
  FRAME_STEP,
  HOME_BYTES,
  MAGIC_HI,
  MAGIC_LO,
  MAXIMUM_SAVED,
} from './service-frame.js';
import type { Thread, WaitReason } from './thread.js';
import { terminateThread } from './thread-delete.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RSP = 4;
const R8 = 8;
const R9 = 9;
const R10 = 10;
/** Registers of the integer arguments at SYSCALL. */
const ARGUMENT_REGISTERS = [R10, RDX, R8, R9];

const MAXIMUM_ARGUMENTS = HOME_BYTES / 8;

/** Where the frame lies above the called function's RSP: behind the return address and the arguments. */
const FRAME_AT = 8 + HOME_BYTES;
/** Registers of the called function's first arguments. */
const CALL_REGISTERS = [RCX, RDX, R8, R9];

const SYSCALL_BYTES = 2;
/** Times that a service begins anew for pages that it touches; then it waits for them on the spot, so that it gets to its end. */
const MOST_RESTARTS = 32;
const TEB_LAST_ERROR = 0x68;
const STACK_ARGUMENTS = 0x28;
const TWO_32 = 2 ** 32;

/** 48 bits of a 64-bit value, or NON_CANONICAL. */
function canonical(lo: number, hi: number): number {
  const top = hi >>> 15;
  return top !== 0 && top !== 0x1ffff ? NON_CANONICAL : (hi & 0xffff) * TWO_32 + lo;
}

/** The call that runs: argument access, results and the ways on. One object, reused. */
export class SystemServiceCall implements ServiceCall {
  readonly memory: UserMemory;
  readonly processor: Processor;
  process!: Process;
  thread!: Thread;
  name = '';
  waitStatus = -1;
  resultLo = 0;
  resultHi = 0;
  readonly #argumentLo = new Uint32Array(4);
  readonly #argumentHi = new Uint32Array(4);
  readonly #header: DataView;
  readonly #frame = new Uint8Array(FRAME_AT + FRAME_SAVED + MAXIMUM_SAVED * 8);
  readonly #frameView = new DataView(this.#frame.buffer);
  readonly #context = new Uint8Array(CONTEXT_SIZE);
  #service = 0;
  #stack = 0;
  #returnRip = 0;
  #inStep = false;
  #saved: number[] = [];
  #stepNumber = 0;

  constructor(readonly kernel: Kernel) {
    this.memory = kernel.memory;
    this.processor = kernel.processor;
    this.#header = new DataView(kernel.mm.ram.bytes.buffer);
  }

  /** Serves the SYSCALL at which the running thread stands. `waitStatus` is -1, or what its finished wait answers. */
  dispatch(thread: Thread, waitStatus: number): void {
    const { processor } = this;
    this.thread = thread;
    this.process = thread.process;
    this.waitStatus = waitStatus;
    this.#stack = processor.getAddress(RSP);
    this.#returnRip = processor.rip;
    this.#inStep = false;
    this.#service = processor.getLo(RAX);
    const entry = this.#service === KI_SERVICE_RETURN ? this.#resume() : this.#enter();
    if (entry === undefined) return;
    this.name = `${entry.module}!${entry.name}`;
    const { mm } = this.kernel;
    if (this.kernel.traceServices && mm.events.active)
      mm.events.emit('syscall', thread.process.space, this.#stack, -1, this.#service, this.name);
    this.#run(entry);
  }

  /** A fresh entry: arguments from the registers. A number that is no service returns STATUS_INVALID_SYSTEM_SERVICE. */
  #enter(): ServiceEntry | undefined {
    const entry = this.kernel.services[this.#service];
    if (entry === undefined) {
      this.processor.set(RAX, STATUS_INVALID_SYSTEM_SERVICE, 0);
      return undefined;
    }
    for (let index = 0; index < 4; index++) {
      this.#argumentLo[index] = this.processor.getLo(ARGUMENT_REGISTERS[index]!);
      this.#argumentHi[index] = this.processor.getHi(ARGUMENT_REGISTERS[index]!);
    }
    return entry;
  }

  /** Guest code came back: the frame says which step of which service goes on. */
  #resume(): ServiceEntry | undefined {
    const { memory, processor } = this;
    const frame = this.#stack + HOME_BYTES;
    memory.beginService(this.thread.pageWait.restarts < MOST_RESTARTS);
    this.#inStep = true;
    try {
      const view = this.#frameView;
      memory.readInto(frame, this.#frame.subarray(0, FRAME_SAVED));
      const isFrame =
        view.getUint32(FRAME_MAGIC, true) === MAGIC_LO && view.getUint32(FRAME_MAGIC + 4, true) === MAGIC_HI;
      const service = view.getUint32(FRAME_SERVICE, true);
      const step = view.getUint32(FRAME_STEP, true);
      const count = view.getUint32(FRAME_SAVED_COUNT, true);
      const entry = this.kernel.services[service];
      if (!isFrame || entry?.steps[step] === undefined || count > MAXIMUM_SAVED) {
        memory.commit();
        raiseException(this.kernel, this.thread, STATUS_BAD_STACK, 0, this.#returnRip, []);
        return undefined;
      }
      for (let index = 0; index < 4; index++) {
        this.#argumentLo[index] = view.getUint32(FRAME_ARGUMENTS + index * 8, true);
        this.#argumentHi[index] = view.getUint32(FRAME_ARGUMENTS + index * 8 + 4, true);
      }
      this.#service = service;
      this.#stepNumber = step;
      this.#stack = this.#getPointer(FRAME_RSP);
      this.#returnRip = this.#getPointer(FRAME_RIP);
      memory.readInto(frame + FRAME_SAVED, this.#frame.subarray(0, count * 8));
      this.#saved = [];
      for (let index = 0; index < count; index++) this.#saved.push(view.getFloat64(index * 8, true));
      this.resultLo = processor.getLo(R10);
      this.resultHi = processor.getHi(R10);
      return entry;
    } catch (error) {
      memory.commit();
      if (error === PAGE_WAIT) this.#waitForPage();
      else if (error instanceof GuestFault) this.#raiseFault(error);
      else throw error;
      return undefined;
    }
  }

  #run(entry: ServiceEntry): void {
    let result: ServiceResult;
    const { pageWait } = this.thread;
    this.memory.beginService(entry.restarts && pageWait.restarts < MOST_RESTARTS);
    try {
      result = this.#inStep ? entry.steps[this.#stepNumber]!(this, this.#saved) : entry.enter(this);
      this.memory.commit();
    } catch (error) {
      this.memory.commit();
      if (error === PAGE_WAIT) {
        this.#waitForPage();
        return;
      }
      pageWait.restarts = 0;
      if (error instanceof GuestFault) {
        if (entry.kind === 'kernel') this.#finish(error.status);
        else this.#raiseFault(error);
        return;
      }
      throw error instanceof InternalError ? error : new InternalError(this.name, error);
    }
    pageWait.restarts = 0;
    if (result !== PENDING) this.#finish(result);
  }

  /** The service touched a page that must be read: the thread waits, and the service begins anew. */
  #waitForPage(): void {
    const { memory, thread } = this;
    this.processor.set(RAX, this.#inStep ? KI_SERVICE_RETURN : this.#service, 0);
    thread.pageWait.inService = true;
    thread.pageWait.serviceWait = this.waitStatus;
    thread.pageWait.restarts++;
    waitForPage(this.kernel, thread, memory.waitAddress, memory.waitError);
  }

  /** Sets the result and returns to the caller. */
  #finish(result: Exclude<ServiceResult, typeof PENDING>): void {
    if (typeof result === 'number') this.#setInteger(RAX, result);
    this.#leave();
  }

  /** A step returns from the stub that the guest had called, not from KiServiceReturn. */
  #leave(): void {
    if (!this.#inStep) return;
    this.processor.setAddress(RSP, this.#stack);
    this.processor.rip = this.#returnRip;
  }

  /** A fault of a library function: raised at its SYSCALL, which is executed again when the handler continues. */
  #raiseFault(fault: GuestFault): void {
    const { processor, kernel } = this;
    processor.rip = processor.rip - SYSCALL_BYTES;
    const parameters = [fault.isWrite ? 1 : 0, fault.address === NON_CANONICAL ? -1 : fault.address];
    if (fault.status === STATUS_IN_PAGE_ERROR) parameters.push(kernel.mm.sections.inPageStatus);
    raiseException(kernel, this.thread, fault.status, 0, processor.rip, parameters);
  }

  /** A number as a 64-bit integer: sign-extended when negative. */
  #setInteger(register: number, value: number): void {
    const whole = Math.trunc(value);
    const high = Math.floor(whole / TWO_32);
    this.processor.set(register, whole - high * TWO_32, high >>> 0);
  }

  u32(index: number): number {
    return this.lo(index);
  }

  i32(index: number): number {
    return this.lo(index) | 0;
  }

  lo(index: number): number {
    return index < 4 ? this.#argumentLo[index]! : this.memory.readU32(this.#stackArgument(index));
  }

  hi(index: number): number {
    return index < 4 ? this.#argumentHi[index]! : this.memory.readU32(this.#stackArgument(index) + 4);
  }

  #stackArgument(index: number): number {
    return this.#stack + STACK_ARGUMENTS + (index - 4) * 8;
  }

  address(index: number): number {
    return canonical(this.lo(index), this.hi(index));
  }

  size(index: number): number {
    return this.hi(index) * TWO_32 + this.lo(index);
  }

  handle(index: number): number {
    return (this.hi(index) | 0) * TWO_32 + this.lo(index);
  }

  i64(index: number): bigint {
    return (BigInt(this.hi(index) | 0) << 32n) | BigInt(this.lo(index));
  }

  double(index: number): number {
    return index < 4
      ? this.#header.getFloat64(XMM + index * 16, true)
      : this.memory.readDouble(this.#stackArgument(index));
  }

  float(index: number): number {
    if (index < 4) return this.#header.getFloat32(XMM + index * 16, true);
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, this.lo(index));
    return view.getFloat32(0);
  }

  get resultAddress(): number {
    return canonical(this.resultLo, this.resultHi);
  }

  get resultDouble(): number {
    return this.#header.getFloat64(XMM, true);
  }

  return64(lo: number, hi: number): void {
    this.processor.set(RAX, lo >>> 0, hi >>> 0);
  }

  returnDouble(value: number): void {
    this.#header.setFloat64(XMM, value, true);
    this.#header.setFloat64(XMM + 8, 0, true);
  }

  returnFloat(value: number): void {
    this.#header.setFloat64(XMM, 0, true);
    this.#header.setFloat32(XMM, value, true);
    this.#header.setFloat64(XMM + 8, 0, true);
  }

  get lastError(): number {
    return this.memory.readU32(this.thread.teb + TEB_LAST_ERROR);
  }

  set lastError(value: number) {
    this.memory.writeU32(this.thread.teb + TEB_LAST_ERROR, value);
  }

  fail(lastError: number, value = 0): number {
    this.lastError = lastError;
    return value;
  }

  callGuest(
    target: number,
    args: readonly number[],
    step: number,
    saved: readonly number[],
    gap = 0,
  ): typeof PENDING {
    if (args.length > MAXIMUM_ARGUMENTS || saved.length > MAXIMUM_SAVED)
      throw new RangeError('too many arguments or saved numbers for a call of guest code');
    const { memory, processor } = this;
    const frame = Math.floor((this.#stack - gap - FRAME_SAVED - saved.length * 8) / 16) * 16;
    const rsp = frame - HOME_BYTES - 8;
    const view = this.#frameView;
    this.#frame.fill(0);
    this.#putPointer(0, this.kernel.symbol(this.process, 'ntdll.dll', 'KiServiceReturn'));
    view.setUint32(FRAME_AT + FRAME_MAGIC, MAGIC_LO, true);
    view.setUint32(FRAME_AT + FRAME_MAGIC + 4, MAGIC_HI, true);
    view.setUint32(FRAME_AT + FRAME_SERVICE, this.#service, true);
    view.setUint32(FRAME_AT + FRAME_STEP, step, true);
    this.#putPointer(FRAME_AT + FRAME_RSP, this.#stack);
    this.#putPointer(FRAME_AT + FRAME_RIP, this.#returnRip);
    for (let index = 0; index < 4; index++) {
      view.setUint32(FRAME_AT + FRAME_ARGUMENTS + index * 8, this.#argumentLo[index]!, true);
      view.setUint32(FRAME_AT + FRAME_ARGUMENTS + index * 8 + 4, this.#argumentHi[index]!, true);
    }
    view.setUint32(FRAME_AT + FRAME_SAVED_COUNT, saved.length, true);
    for (let index = 0; index < saved.length; index++)
      view.setFloat64(FRAME_AT + FRAME_SAVED + index * 8, saved[index]!, true);
    for (let index = 0; index < args.length; index++) this.#putPointer(8 + index * 8, args[index]!);
    const length = FRAME_AT + FRAME_SAVED + saved.length * 8;
    memory.probeWrite(rsp, length);
    memory.writeBytes(rsp, this.#frame.subarray(0, length));
    for (let index = 0; index < args.length && index < 4; index++)
      processor.set(
        CALL_REGISTERS[index]!,
        view.getUint32(8 + index * 8, true),
        view.getUint32(12 + index * 8, true),
      );
    processor.setAddress(RSP, rsp);
    this.#jumpTo(target);
    return PENDING;
  }

  #getPointer(offset: number): number {
    return canonical(this.#frameView.getUint32(offset, true), this.#frameView.getUint32(offset + 4, true));
  }

  /** A number as 64 bits in the frame: 48-bit system addresses and negative numbers are extended. */
  #putPointer(offset: number, value: number): void {
    const high = Math.floor(value / TWO_32);
    this.#frameView.setUint32(offset, value - high * TWO_32, true);
    this.#frameView.setUint32(offset + 4, high >= 0x8000 && high <= 0xffff ? high | 0xffff0000 : high, true);
  }

  #jumpTo(target: number): void {
    if (target >= 0 && target < NON_CANONICAL) {
      this.processor.rip = target;
      return;
    }
    this.memory.commit();
    raiseException(this.kernel, this.thread, STATUS_ACCESS_VIOLATION, 0, this.processor.rip, [8, -1]);
  }

  raise(code: number, parameters: readonly number[], flags = 0, cause = 0): typeof PENDING {
    this.memory.commit();
    this.#leave();
    raiseException(this.kernel, this.thread, code, flags, this.processor.rip, parameters, cause);
    return PENDING;
  }

  wait(reason: WaitReason): typeof PENDING {
    this.memory.commit();
    this.kernel.scheduler.wait(this.thread, reason);
    if (this.thread.port !== null) releaseWaiters(this.kernel, this.thread.port);
    return PENDING;
  }

  terminateProcess(exitStatus: number): typeof PENDING {
    this.memory.commit();
    terminateProcess(this.kernel, this.process, exitStatus);
    return PENDING;
  }

  terminateThread(exitStatus: number): typeof PENDING {
    this.memory.commit();
    terminateThread(this.kernel, this.thread, exitStatus);
    return PENDING;
  }

  jump(rip: number, rsp?: number): typeof PENDING {
    this.#leave();
    if (rsp !== undefined) this.processor.setAddress(RSP, rsp);
    this.#jumpTo(rip);
    return PENDING;
  }

  continueAt(contextAddress: number, testAlert = false): typeof PENDING {
    this.memory.readInto(contextAddress, this.#context);
    this.#leave();
    restoreContext(this.processor, this.kernel.mm.ram.bytes, this.#context);
    if (testAlert) testForAlert(this.thread);
    return PENDING;
  }

  get stackPointer(): number {
    return this.#stack;
  }

  get returnAddress(): number {
    return this.memory.readPointer(this.#stack);
  }

  symbol(module: string, name: string): number {
    return this.kernel.symbol(this.process, module, name);
  }
}
