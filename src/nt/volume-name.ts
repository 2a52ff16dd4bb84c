/** Names of volumes and files in the object namespace. Source: Microsoft, "GetMappedFileNameW function", "QueryDosDeviceW function". */

/** The device of a drive letter: C is \Device\HarddiskVolume1, D the next one; A and B are floppy disks. */
export function volumeDevice(drive: string): string {
  const index = drive.toUpperCase().charCodeAt(0) - 'A'.charCodeAt(0);
  return index < 2 ? `\\Device\\Floppy${index}` : `\\Device\\HarddiskVolume${index - 1}`;
}

/** A full path such as C:\work\a.txt with its volume's device in place of the drive. */
export function devicePath(path: string): string {
  return path[1] === ':' ? volumeDevice(path[0]!) + path.slice(2) : path;
}
