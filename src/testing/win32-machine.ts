import { findExportByName, readExportDirectory } from '../pe/pe-exports.js';
import { parsePeImage } from '../pe/pe-image.js';
import { CrtMachine } from './crt-machine.js';

/** A process whose program calls kernel32's functions, forwarded ones too, as the test asks. */
export class Win32Machine extends CrtMachine {
  override symbol(name: string): number {
    return this.find('kernel32.dll', name);
  }

  protected find(module: string, name: string): number {
    const address = this.kernel.symbol(this.process.object, module, name);
    if (address !== 0) return address;
    const { reader, headers } = parsePeImage(this.kernel.systemImages.get(module)!.bytes);
    const forwarder = findExportByName(reader, readExportDirectory(reader, headers)!, name, -1)?.forwarder;
    const [dll, target] = forwarder?.split('.') ?? [];
    if (dll === undefined || target === undefined) throw new Error(`${module} has no ${name}`);
    return this.find(`${dll.toLowerCase()}.dll`, target);
  }

  get lastError(): number {
    return this.call('GetLastError') >>> 0;
  }

  /** The handle or BOOL of a call, with the last error behind it when it failed: [0, 87]. */
  attempt(name: string, ...args: Parameters<CrtMachine['call']>[1][]): [result: number, lastError: number] {
    this.call('SetLastError', 0xdead);
    const result = this.call(name, ...args);
    return [result, this.lastError];
  }

  wideText(address: number): string {
    const bytes = this.process.read(address, 1024);
    let text = '';
    for (let at = 0; at < bytes.length; at += 2) {
      const unit = bytes[at]! | (bytes[at + 1]! << 8);
      if (unit === 0) break;
      text += String.fromCharCode(unit);
    }
    return text;
  }

  u16(address: number): number {
    return new DataView(this.process.read(address, 2).buffer).getUint16(0, true);
  }

  fill(address: number, bytes: number, value = 0): void {
    this.process.write(address, new Uint8Array(bytes).fill(value));
  }
}

/** The same for the functions of another DLL, which the process loads; lower-case name. */
export class ModuleMachine extends Win32Machine {
  private loaded = false;

  constructor(
    private readonly module: string,
    options: ConstructorParameters<typeof CrtMachine>[0] = {},
  ) {
    super(options);
    this.call('LoadLibraryA', module);
    this.loaded = true;
  }

  override symbol(name: string): number {
    const own = this.loaded ? this.kernel.symbol(this.process.object, this.module, name) : 0;
    return own === 0 ? super.symbol(name) : own;
  }

  /** Puts a number as 8 bytes. */
  putNumber(address: number, value: number): void {
    this.process.write(address, new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }
}
