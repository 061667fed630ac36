# The lookups that are timed (arms/kernels.cpp): as the kernel builds them, whatever the rest of a preset does, once in
# the library and in twelve shared objects that differ only in where their functions lie.

set(kernel_flags -O2 -fomit-frame-pointer -ffunction-sections -fvisibility=hidden)
if(CMAKE_SYSTEM_PROCESSOR MATCHES x86_64)
  list(APPEND kernel_flags -fcf-protection=none)  # the kernel's endbr64 is not counted either
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND kernel_flags -fno-ipa-icf)  # two identical baselines are to stay two
endif()
list(JOIN kernel_flags " " kernel_flags_text)
set_source_files_properties(arms/kernels.cpp PROPERTIES COMPILE_OPTIONS "${kernel_flags}")
set_target_properties(hvo_bench PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(hvo_bench PRIVATE HVO_KERNEL_FLAGS="${kernel_flags_text}")
if(HVO_SANITIZE)
  target_compile_definitions(hvo_bench PUBLIC HVO_NO_JUMP_LABEL)  # sanitizers know nothing of code that changes
endif()

# lld can shuffle functions. g++ finds it only when it is told where.
find_program(HVO_LLD ld.lld HINTS /usr/lib/llvm-19/bin REQUIRED)
cmake_path(GET HVO_LLD PARENT_PATH lld_folder)
add_custom_target(hvo_placements)
add_dependencies(hvo-bench hvo_placements)
foreach(alignment 16 32 64)
  set(object hvo_kernels_${alignment})
  add_library(${object} OBJECT arms/kernels.cpp)
  target_link_libraries(${object} PRIVATE hvo_bench)
  set_target_properties(${object} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${object} PRIVATE -falign-functions=${alignment})
  target_compile_definitions(${object} PRIVATE
    HVO_KERNEL_FLAGS="${kernel_flags_text} -falign-functions=${alignment}")
  foreach(order 1 2 3 4)
    set(module kernels-${alignment}-${order})
    add_library(${module} MODULE $<TARGET_OBJECTS:${object}>)
    set_target_properties(${module} PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/kernels)
    target_link_options(${module} PRIVATE -B${lld_folder} -fuse-ld=lld -Wl,--shuffle-sections=.text.*=${order})
    if(HVO_SANITIZE)
      target_link_options(${module} PRIVATE -fsanitize=${HVO_SANITIZE})
    endif()
    add_dependencies(hvo_placements ${module})
    install(TARGETS ${module} LIBRARY DESTINATION lib/hvolab/kernels)
  endforeach()
endforeach()
