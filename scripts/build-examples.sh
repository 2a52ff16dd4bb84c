#!/usr/bin/env bash
# Builds examples/<name>/<name>.c into examples/bin with Debian's mingw-w64. The result depends on the compiler's
# version only: no time stamp and no path goes into an executable.
set -euo pipefail
cd "$(dirname "$0")/../examples"
cc=x86_64-w64-mingw32-gcc
if ! command -v "$cc" >/dev/null; then
  echo "$cc is missing; on Debian: apt-get install gcc-mingw-w64-x86-64" >&2
  exit 1
fi
flags=(-std=gnu11 -Wall -Wextra -Werror -s -Wl,--no-insert-timestamp)
mkdir -p bin
build() { # source, output, further flags
  "$cc" "${flags[@]}" "${@:3}" -o "bin/$2.exe" "$1/$1.c"
  printf '%-14s %6d bytes\n' "$2.exe" "$(stat -c %s "bin/$2.exe")"
}
# hello and sort carry mingw-w64's printf with them, the others import the C runtime's.
for name in widen reserve share spawn stack states fill six; do
  build "$name" "$name" -Os -D__USE_MINGW_ANSI_STDIO=0
done
build sort sort -O2
build sweep sweep -O2 -D__USE_MINGW_ANSI_STDIO=0
build hello hello -Os
build hello hello-O0 -O0
build hello hello-O2 -O2
"$cc" --version | head -n 1

cd ../bench/programs
for name in touch loops pages soft ranges; do
  "$cc" "${flags[@]}" -O2 -o "$name.exe" "$name.c"
done
