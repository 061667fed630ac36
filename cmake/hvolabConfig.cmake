# find_package(hvolab): the layers of core as hvolab::base … hvolab::machine.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/hvolab.cmake)
