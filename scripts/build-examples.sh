#!/usr/bin/env bash
# Builds examples/<name>/<name>.c (.cpp) into examples/bin with Debian's mingw-w64, and those that show Microsoft's ABI with
# clang and lld. The result depends on the compilers' versions only: no time stamp and no path goes into an executable.
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
for name in widen reserve share spawn stack states fill six awe large job pipes files family; do
  build "$name" "$name" -Os -D__USE_MINGW_ANSI_STDIO=0
done
build sort sort -O2
build sweep sweep -O2 -D__USE_MINGW_ANSI_STDIO=0
build hello hello -Os
build faults faults-gcc -Os -fno-builtin
build hello hello-O0 -O0
build hello hello-O2 -O2
"$cc" --version | head -n 1

x86_64-w64-mingw32-g++ -std=gnu++17 -Wall -Wextra -Werror -s -Wl,--no-insert-timestamp -Os -static \
  -D__USE_MINGW_ANSI_STDIO=0 -o bin/throw.exe throw/throw.cpp

# Freestanding programs of Microsoft's ABI: import libraries come of the lists in msvc/.
for tool in clang lld-link llvm-dlltool; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; on Debian: apt-get install clang lld llvm" >&2; exit 1; }
done
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for list in msvcrt kernel32 vcruntime140 vcruntime140_1; do
  llvm-dlltool -m i386:x86-64 -d "msvc/$list.def" -l "$objects/$list.lib"
done
build_msvc() { # source, further flags
  local name
  name=$(basename "${1%.*}")
  clang --target=x86_64-pc-windows-msvc -fms-extensions -fno-builtin -Wall -Wextra -Werror -O1 "${@:2}" \
    -c "$1" -o "$objects/$name.obj"
  lld-link /nologo /subsystem:console /entry:mainCRTStartup /nodefaultlib /brepro "/out:bin/$name.exe" \
    "$objects/$name.obj" "$objects"/*.lib
  printf '%-14s %6d bytes\n' "$name.exe" "$(stat -c %s "bin/$name.exe")"
}
build_msvc seh/seh.c
build_msvc jump/jump.c
build_msvc faults/faults.c
build_msvc cxx/cxx.cpp -std=c++17 -fexceptions -fcxx-exceptions
build_msvc conformance/conformance.c
# -EHa: bit 0 of EHFlags in the tables of its functions is clear.
clang --target=x86_64-pc-windows-msvc -fms-extensions -fno-builtin -Wall -Wextra -Werror -O1 -std=c++17 -fexceptions \
  -fcxx-exceptions -S -o - translate/translate.cpp |
  sed 's/^\(\s*\.long\s*\)1\(\s*# EHFlags\)/\10\2/' >"$objects/translate.s"
build_msvc "$objects/translate.s" -Wno-unused-command-line-argument
build_msvc cxx4/cxx4.s -Wno-unused-command-line-argument
clang --version | head -n 1

cd ../bench/programs
for name in touch loops pages soft ranges services; do
  "$cc" "${flags[@]}" -O2 -o "$name.exe" "$name.c"
done

cd ../../test/threads
for name in apc locks control heaps pool pool-io fibers signals; do
  "$cc" "${flags[@]}" -Os -D__USE_MINGW_ANSI_STDIO=0 -D_WIN32_WINNT=0x0a00 -o "$name.exe" "$name.c"
done

cd ../files
for name in copy; do
  "$cc" "${flags[@]}" -Os -D__USE_MINGW_ANSI_STDIO=0 -D_WIN32_WINNT=0x0a00 -o "$name.exe" "$name.c"
done
