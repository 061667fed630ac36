# hvo_options: how every target of this project is compiled. No global flag is touched.

set(HVO_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them: thread, or address,undefined")
option(HVO_VERIFY_HEADERS "compile each header on its own" ON)

# For tests that exist only under one sanitizer.
set(HVO_TSAN OFF)
set(HVO_ASAN OFF)
if(HVO_SANITIZE MATCHES thread)
  set(HVO_TSAN ON)
elseif(HVO_SANITIZE MATCHES address)
  set(HVO_ASAN ON)
endif()

find_package(Threads REQUIRED)
add_library(hvo_options INTERFACE)
target_compile_features(hvo_options INTERFACE cxx_std_23)
target_link_libraries(hvo_options INTERFACE Threads::Threads)

# Everything below is ours alone: a user of the installed package gets none of it.
set(warnings -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Werror)
set(clang_warnings -Wshadow -Wconversion -Wimplicit-fallthrough -Wunreachable-code-aggressive -Wthread-safety
    -Wthread-safety-beta)
# gcc's -Wconversion also warns of `u8 | u8`, which loses nothing; its -Wdangling-else of `if (x) EXPECT_EQ(…)`; and
# designated initialisers may leave fields out. clang has all three right.
set(gcc_warnings -Wshadow=local -Wno-dangling-else -Wno-missing-field-initializers)
target_compile_options(hvo_options INTERFACE
  "$<BUILD_INTERFACE:${warnings};-fno-omit-frame-pointer>"
  "$<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:Clang>:${clang_warnings}>>"
  "$<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:GNU>:${gcc_warnings}>>")
target_compile_definitions(hvo_options INTERFACE $<BUILD_INTERFACE:$<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>>)
if(HVO_SANITIZE)
  # The link option is exported: a user of a sanitized library must link the same runtime.
  target_compile_options(hvo_options INTERFACE
    $<BUILD_INTERFACE:-fsanitize=${HVO_SANITIZE}> $<BUILD_INTERFACE:-fno-sanitize-recover=all>)
  target_link_options(hvo_options INTERFACE -fsanitize=${HVO_SANITIZE})
endif()

install(TARGETS hvo_options EXPORT hvolab)
set_target_properties(hvo_options PROPERTIES EXPORT_NAME options)

# hvo_uninstrumented(<file>...): sources of the calling folder that are compiled without any sanitizer.
#
# Beware: an inline function or template that such a file instantiates may be the copy that the linker keeps for the
# whole program. Keep the file small, and let it include its library and a hand-over header, nothing else of ours.
function(hvo_uninstrumented)
  set_source_files_properties(${ARGV} PROPERTIES COMPILE_OPTIONS -fno-sanitize=all
                              SKIP_PRECOMPILE_HEADERS ON)
endfunction()
