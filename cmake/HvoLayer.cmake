# hvo_add_layer, hvo_add_test, hvo_uninstrumented: the only ways targets are made here.

add_library(hvo_options INTERFACE)
target_compile_features(hvo_options INTERFACE cxx_std_23)
target_compile_options(hvo_options INTERFACE
  $<BUILD_INTERFACE:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fno-omit-frame-pointer>
  $<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:Clang>:-Wthread-safety;-Wthread-safety-beta>>
  # gcc reports these inside its own library at -O2
  $<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>>)
target_link_libraries(hvo_options INTERFACE Threads::Threads)
install(TARGETS hvo_options EXPORT hvolab)
set_target_properties(hvo_options PROPERTIES EXPORT_NAME options)

# An include root that shows one folder only, under its path from the repository's root.
function(hvo_include_root folder out)
  set(root ${CMAKE_BINARY_DIR}/roots/${folder})
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  set(${out} ${root} PARENT_SCOPE)
endfunction()

# Each header compiles on its own.
function(hvo_verify_headers target folder)
  set(units)
  foreach(header IN LISTS ARGN)
    set(unit ${CMAKE_BINARY_DIR}/headers/${folder}/${header}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${folder}/${header}\"  // IWYU pragma: keep\n")
    list(APPEND units ${unit})
  endforeach()
  add_library(${target}_headers OBJECT ${units})
  target_link_libraries(${target}_headers PRIVATE ${target})
endfunction()

# hvo_add_layer(<name> [DEPENDS <layer>...] [SOURCES ...] HEADERS ...): the library hvolab::<name> of core/<name>.
function(hvo_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;SOURCES;HEADERS")
  set(target hvo_${name})
  hvo_include_root(core/${name} root)
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(hvolab::${name} ALIAS ${target})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:include/hvolab>)
  target_link_libraries(${target} PUBLIC hvo_options)
  foreach(layer IN LISTS arg_DEPENDS)
    target_link_libraries(${target} PUBLIC hvo_${layer})
  endforeach()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  hvo_verify_headers(${target} core/${name} ${arg_HEADERS})
  install(TARGETS ${target} EXPORT hvolab ARCHIVE DESTINATION lib/hvolab)
  install(FILES ${arg_HEADERS} DESTINATION include/hvolab/core/${name})
endfunction()

# hvo_add_test(<name> SOURCES ... LINKS ... [LABELS ...] [TIMEOUT s]): a GoogleTest program and its ctest entry.
function(hvo_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LINKS;LABELS")
  add_executable(${name} ${arg_SOURCES})
  hvo_include_root(tests tests_root)
  target_include_directories(${name} PRIVATE ${tests_root})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# hvo_uninstrumented(<file>...): compiled without any sanitizer, in the folder that calls it.
function(hvo_uninstrumented)
  set_source_files_properties(${ARGV} PROPERTIES COMPILE_OPTIONS "-fno-sanitize=all")
endfunction()
