# One function a component: rwp_add_component(jobs_sqlite SOURCES … PUBLIC rwp::jobs PRIVATE rwp::net_sqlite)
# makes the static library rwp_jobs_sqlite with alias rwp::jobs_sqlite, exported under that name.

add_library(rwp_build_flags INTERFACE)
target_compile_options(rwp_build_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion>
  $<$<BOOL:${RWP_WERROR}>:-Werror>)
# libstdc++ 12 warns about its own code in some inlined strings (GCC bug 105651 and kin).
# It also takes Asio's coroutine frames for a mismatch once operator new is inlined at -O1 (bug 103993).
target_compile_options(rwp_build_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict;-Wno-mismatched-new-delete>)

define_property(GLOBAL PROPERTY RWP_COMPONENTS BRIEF_DOCS "Installed components"
                FULL_DOCS "Names of the components that cmake --install exports.")

function(rwp_add_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  set(target rwp_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(rwp::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target}
    PUBLIC ${arg_PUBLIC}
    PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:rwp_build_flags>)
  rwp_precompile(${target} library)
  set_property(GLOBAL APPEND PROPERTY RWP_COMPONENTS ${name})
endfunction()

define_property(GLOBAL PROPERTY RWP_PROGRAMS BRIEF_DOCS "Installed programs"
                FULL_DOCS "Executable targets that cmake --install puts into bin/.")

# A quarter of a megabyte less in the memory of each program that runs: where addresses are to be
# filled in at its start takes 8 kB and not 260.
include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,-z,pack-relative-relocs RWP_PACKS_RELOCATIONS)

# rwp_add_program(standalone SOURCES … LIBS …): an executable that is installed into bin/.
function(rwp_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  if(RWP_PACKS_RELOCATIONS)
    target_link_options(${name} PRIVATE -Wl,-z,pack-relative-relocs)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_LIBS} rwp_build_flags)
  set_property(GLOBAL APPEND PROPERTY RWP_PROGRAMS ${name})
endfunction()
