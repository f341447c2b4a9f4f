# test_install.sh -- what is installed works for a program that knows nothing of this folder, and exports the public names alone.
# release only
set -eu
here=$(mktemp -d "${TMPDIR:-/tmp}/sonde-install-XXXXXX")
trap 'rm -rf "$here"' EXIT
prefix=$here/prefix
: "${CC:=cc}" "${CXX:=c++}"

fail() { echo "$*" >&2; exit 1; }

cmake --install "$SONDE_BUILD" --prefix "$prefix" >"$here/log" 2>&1 || { cat "$here/log"; fail "the installation failed"; }
cd "$here"
pc=$(find "$prefix" -name sonde.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
library=$(find "$prefix" -name 'libsonde.so')
LD_LIBRARY_PATH=$(dirname "$library")
export LD_LIBRARY_PATH

cat >use.c <<'END'
#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
/* d(x^2)/dx at 3, by way of graph, derivative, plan and kernels. */
int main(void)
{
    sd_context *context;
    if (sd_context_new(NULL, &context) != SD_OK)
        return 2;
    sd_graph *graph = sd_graph_new();
    sd_node x = sd_input(graph, "x", SD_F32, sd_scalar_shape()), gradient;
    sd_grad(sd_mul(x, x), 1, &x, &gradient);
    float value = 3, result = 0;
    sd_feed feed[2];
    memset(feed, 0, sizeof feed);
    feed[0].slot = "x";
    feed[0].data = &value;
    if (sd_eval(context, gradient, feed, &result) != SD_OK)
        return 3;
    printf("%s %g\n", sd_version(), result);
    sd_graph_free(graph);
    sd_context_free(context);
    return result == 6 ? 0 : 4;
}
END
cp use.c use.cpp

# shellcheck disable=SC2046,SC2086 # flags are words
{
    $CC -std=c99 -Wall -Wextra -Wpedantic -Werror use.c $(pkg-config --cflags --libs sonde) -o use-shared
    whole="-L$LD_LIBRARY_PATH -Wl,-Bstatic -lsonde -Wl,-Bdynamic $(pkg-config --static --libs sonde | sed 's/-lsonde//')"
    $CC -std=c99 use.c $(pkg-config --cflags sonde) $whole -o use-static
    $CXX -std=c++17 -Wall -Wextra -Wpedantic -Werror use.cpp $(pkg-config --cflags --libs sonde) -o use-c++
}
for program in use-shared use-static use-c++; do ./$program || fail "$program: exit status $?"; done

mkdir package
cat >package/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(use C)
find_package(sonde 0.1 REQUIRED)
foreach(kind sonde sonde_static)
  add_executable(use-${kind} ../use.c)
  target_link_libraries(use-${kind} PRIVATE sonde::${kind})
endforeach()
END
generator=$(sed -n "s/^CMAKE_GENERATOR:INTERNAL=//p" "$SONDE_BUILD/CMakeCache.txt")
{ cmake -G "$generator" -S package -B package/build -DCMAKE_PREFIX_PATH="$prefix" && cmake --build package/build; } >log 2>&1 ||
    { cat log; fail "the CMake package is of no use"; }
for kind in sonde sonde_static; do package/build/use-$kind || fail "use-$kind: exit status $?"; done

# What a library exports is what its headers promise. names HEADER...: the functions declared there, in order.
names() {
    awk '/^SD_API/ { on = 1; text = "" }
        on { text = text $0 }
        on && /[;{]/ { on = 0; sub(/;.*/, "", text); if (match(text, /sd_[a-z0-9_]* *(\(|$)/)) print substr(text, RSTART, RLENGTH) }' "$@" |
        tr -d ' (' | sort -u
}
lab=$(find "$prefix/include" -name statistics.h -o -name probe.h -o -name classic.h -o -name report.h)
engine=$(find "$prefix/include" -name '*.h' ! -name statistics.h ! -name probe.h ! -name classic.h ! -name report.h)
# shellcheck disable=SC2086
names $engine >declared
nm -D --defined-only "$library" | awk '{ print $NF }' | sort >exported
comm -13 declared exported >extra
[ ! -s extra ] || { cat extra; fail "exported, but in no public header"; }
comm -23 declared exported >absent
[ ! -s absent ] || { cat absent; fail "declared in a public header, but not exported"; }
if [ -n "$lab" ]; then
    # shellcheck disable=SC2086
    names $lab >declared
    nm --defined-only "$(find "$prefix" -name libsonde-lab.a)" | awk '{ print $NF }' | sort -u >exported
    comm -23 declared exported >absent
    [ ! -s absent ] || { cat absent; fail "declared for the laboratory, but not in its library"; }
fi

# An embedding program carries the engine and its formats, none of what only the command needs.
ldd use-shared "$library" >needs
! grep -E 'libcurl|libarchive|libpng' needs || fail "the library drags these along"
# shellcheck disable=SC2046,SC2086
$CC -O2 -s "$SONDE_SOURCE/examples/embed/main.c" $(pkg-config --cflags sonde) $whole -o stripped
echo "examples/embed/main.c, stripped, with the library inside: $(wc -c <stripped) bytes; it needs:"
ldd stripped | awk '{ print "  " $1 }'

if [ -e "$SONDE_SOURCE/src/cli/main.c" ]; then
    "$prefix/bin/sonde" --version
    grep -q '^\.SH NAME' "$(find "$prefix" -name sonde.1)" || fail "no manual page"
fi
