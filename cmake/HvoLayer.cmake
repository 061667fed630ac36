# hvo_add_layer, hvo_add_part, hvo_add_program, hvo_add_test: the only ways targets are made here.
#
# Includes are spelled from the repository's root, yet the root is on nobody's include path: each folder has a root of
# its own with one symbolic link in it, so that an include of a folder which is not linked does not build.

set(HVO_LAYERS base cpu sync frame pgtable vmemmap pages hvo hugetlb machine)  # bottom-up

function(hvo_include_root folder out)
  set(root ${PROJECT_BINARY_DIR}/roots/${folder})
  cmake_path(GET folder PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  if(NOT EXISTS ${root}/${folder})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  endif()
  set(${out} ${root} PARENT_SCOPE)
endfunction()

# Each header compiles on its own, and twice in one file.
function(hvo_verify_headers target folder)
  if(NOT HVO_VERIFY_HEADERS OR NOT ARGN)
    return()
  endif()
  set(units)
  foreach(header IN LISTS ARGN)
    set(unit ${PROJECT_BINARY_DIR}/headers/${folder}/${header}.cpp)
    string(REPEAT "#include \"${folder}/${header}\"  // IWYU pragma: keep\n" 2 content)
    file(CONFIGURE OUTPUT ${unit} CONTENT "${content}")
    list(APPEND units ${unit})
  endforeach()
  add_library(${target}_headers OBJECT ${units})
  target_link_libraries(${target}_headers PRIVATE ${target})
endfunction()

# The library ${target} of the sources in ${folder}, visible as hvolab::${name}. Without sources: headers only.
function(hvo_make_library target name folder sources headers links)
  hvo_include_root(${folder} root)
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(hvolab::${name} ALIAS ${target})
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:include/hvolab>)
  target_link_libraries(${target} ${scope} hvo_options ${links})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  hvo_verify_headers(${target} ${folder} ${headers})
endfunction()

# hvo_add_layer(<name> [DEPENDS <layer>...] [LINKS <library>...] [SOURCES ...] HEADERS ...)
# The library hvolab::<name> of core/<name>, installed. DEPENDS may only name lower layers.
function(hvo_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LINKS;SOURCES;HEADERS")
  list(FIND HVO_LAYERS ${name} position)
  foreach(lower IN LISTS arg_DEPENDS)
    list(FIND HVO_LAYERS ${lower} lower_position)
    if(lower_position EQUAL -1 OR NOT lower_position LESS position)
      message(FATAL_ERROR "core/${name} cannot depend on core/${lower}: the order is ${HVO_LAYERS}")
    endif()
    list(APPEND arg_LINKS hvo_${lower})
  endforeach()
  hvo_make_library(hvo_${name} ${name} core/${name} "${arg_SOURCES}" "${arg_HEADERS}" "${arg_LINKS}")
  install(TARGETS hvo_${name} EXPORT hvolab ARCHIVE DESTINATION lib/hvolab)
  install(FILES ${arg_HEADERS} DESTINATION include/hvolab/core/${name})
endfunction()

# hvo_add_part(<folder> [SOURCES ...] [HEADERS ...] LINKS <library>...)
# The library hvolab::<folder> of stress/ or bench/ (or tests/support), which programs and tests link. Not installed.
function(hvo_add_part folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;LINKS")
  string(REPLACE / _ name ${folder})
  hvo_make_library(hvo_${name} ${name} ${folder} "${arg_SOURCES}" "${arg_HEADERS}" "${arg_LINKS}")
endfunction()

# hvo_add_program(<name> FOLDER <folder> SOURCES ... LINKS <library>...): an installed program that sees <folder>.
function(hvo_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER" "SOURCES;LINKS")
  hvo_include_root(${arg_FOLDER} root)
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${root})
  target_link_libraries(${name} PRIVATE hvo_options ${arg_LINKS})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# hvo_add_test(<name> SOURCES ... LINKS <library>... [LABELS ...] [TIMEOUT <seconds>])
# A GoogleTest program and its one ctest entry. Labels choose where it runs (CMakePresets.json): unit, the default, runs
# everywhere; model, litmus, cli, slow, canary and install are left out of some builds.
function(hvo_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LINKS;LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  hvo_include_root(tests root)
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${root})
  target_link_libraries(${name} PRIVATE hvo_options ${arg_LINKS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
