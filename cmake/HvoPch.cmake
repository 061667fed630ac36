# hvo_use_pch: a precompiled header of the library headers that most sources include, which halves the build.
#
# Each header is still compiled on its own without it (HVO_VERIFY_HEADERS). What a source forgets to include of these
# libraries is found only by a build without them, as that of who sets no preset.

option(HVO_PCH "precompile the headers of the libraries" OFF)

set(standard_headers algorithm array atomic bit charconv chrono cmath cstdint cstdio cstdlib cstring expected
    filesystem fstream functional map memory mutex numeric optional set span sstream string string_view thread
    type_traits utility vector)
list(TRANSFORM standard_headers REPLACE "(.+)" "<\\1>")

function(hvo_make_pch name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;LINKS")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch/${name}.cpp CONTENT "// The headers alone.\n")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/pch/${name}.cpp)
  target_link_libraries(${name} PRIVATE hvo_options ${arg_LINKS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

if(HVO_PCH)
  find_package(fmt REQUIRED)
  find_package(nlohmann_json REQUIRED)
  set(links fmt::fmt nlohmann_json::nlohmann_json)
  # g++ takes a precompiled header only where the macros that stood in it are defined as well.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    get_target_property(macros fmt::fmt INTERFACE_COMPILE_DEFINITIONS)
    if(macros)
      target_compile_definitions(hvo_options INTERFACE $<BUILD_INTERFACE:${macros}>)
    endif()
  endif()
  set(headers ${standard_headers} <fmt/format.h> <nlohmann/json.hpp>)
  hvo_make_pch(hvo_pch HEADERS ${headers} LINKS ${links})
  if(HVO_TESTS)
    find_package(GTest REQUIRED)
    hvo_make_pch(hvo_test_pch HEADERS ${headers} <gtest/gtest.h> <gmock/gmock.h> LINKS ${links} GTest::gmock)
  endif()
endif()

# hvo_use_pch(<target> <hvo_pch or hvo_test_pch>)
function(hvo_use_pch target pch)
  if(HVO_PCH)
    target_precompile_headers(${target} REUSE_FROM ${pch})
  endif()
endfunction()
