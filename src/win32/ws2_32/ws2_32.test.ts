import { describe, expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

const WSAENETDOWN = 10050;
const WSANOTINITIALISED = 10093;
const WSAHOST_NOT_FOUND = 11001;

describe('ws2_32.dll', () => {
  const machine = new ModuleMachine('ws2_32.dll');

  it('starts, and has no network', () => {
    const data = machine.space(408);
    expect(machine.attempt('socket', 2, 1, 6)).toEqual([-1, WSANOTINITIALISED]);
    expect(machine.call('WSAStartup', 0x202, data)).toBe(0);
    expect(machine.u16(data)).toBe(0x202);
    expect(machine.text(data + 16)).toBe('WinSock 2.0');
    expect(machine.attempt('socket', 2, 1, 6)).toEqual([-1, WSAENETDOWN]);
    expect(machine.call('getaddrinfo', 'host', 0, 0, data)).toBe(WSAHOST_NOT_FOUND);
    expect(machine.call('WSACleanup')).toBe(0);
    expect(machine.attempt('WSACleanup')).toEqual([-1, WSANOTINITIALISED]);
  });

  it('turns numbers and addresses', () => {
    expect(machine.call('htons', 0x1234)).toBe(0x3412);
    expect(machine.call('ntohl', 0x01020304)).toBe(0x04030201);
    expect(machine.call('inet_addr', '127.0.0.1')).toBe(0x0100007f);
    expect(machine.call('inet_addr', '0x7f.1')).toBe(0x0100007f);
    expect(machine.call('inet_addr', '1.2.3.256')).toBe(-1);
    expect(machine.call('inet_addr', 'host')).toBe(-1);
  });
});
