# test_embed.sh -- the embedding examples are built against the installed library, as a stranger would, and run.
# release only
. "$SONDE_SOURCE/tests/cli.sh"
: "${CC:=cc}" "${CXX:=c++}"

cmake --install "$SONDE_BUILD" --prefix "$here/prefix" >out 2>err || fail "the installation failed"
PKG_CONFIG_PATH=$(dirname "$(find prefix -name sonde.pc)")
LD_LIBRARY_PATH=$here/$(dirname "$(find prefix -name libsonde.so)")
export PKG_CONFIG_PATH LD_LIBRARY_PATH

# shellcheck disable=SC2046 # flags are words
{
    $CC -std=c99 -Wall -Wextra -Wpedantic -Werror "$examples/embed/main.c" $(pkg-config --cflags --libs sonde) -o in-c >out 2>err ||
        fail "main.c does not compile"
    $CXX -std=c++17 -Wall -Wextra -Wpedantic -Werror "$examples/embed/main.cpp" $(pkg-config --cflags --libs sonde) -o in-cpp >out 2>err ||
        fail "main.cpp does not compile"
}
./in-c >out 2>err || fail "in-c failed"
says out "P(class | x = 0.00, 0.00) = "
[ -s points.safetensors ] || fail "in-c saved nothing"
./in-cpp >out 2>err || fail "in-cpp failed"
says out "the network says"
