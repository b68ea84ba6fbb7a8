# cmake --install: the components, each an export set of its own, their headers, the programs and
# what find_package(rwp 0.1 REQUIRED COMPONENTS …) needs. Included last, when all targets stand.
#
# What a component needs is read from its link interface, where a static library's private
# libraries stand as $<LINK_ONLY:…>, so nothing is listed twice: other components, and the packages
# of the foreign targets, by this table.
include(CMakePackageConfigHelpers)

set(rwp_package_Threads__Threads "Threads")
set(rwp_package_Boost__headers "Boost 1.81")
set(rwp_package_Boost__url "Boost 1.81 COMPONENTS url")
set(rwp_package_nlohmann_json__nlohmann_json "nlohmann_json 3.11")
set(rwp_package_OpenSSL__Crypto "OpenSSL 3.0")
set(rwp_package_OpenSSL__SSL "OpenSSL 3.0")
set(rwp_package_CURL__libcurl "CURL 7.88")
set(rwp_package_SQLite__SQLite3 "SQLite3 3.40")
set(rwp_package_PostgreSQL__PostgreSQL "PostgreSQL 15")
set(rwp_package_ZLIB__ZLIB "ZLIB")
set(rwp_package_prometheus-cpp__core "prometheus-cpp COMPONENTS core")
set(rwp_package_spdlog__spdlog "spdlog 1.10")
set(rwp_package_fmt__fmt "fmt 9")
set(rwp_package_CLI11__CLI11 "CLI11 2.1")

# Sets <components> and <packages> to what the target needs itself.
function(rwp_read_needs target components packages)
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  set(found_components)
  set(found_packages)
  foreach(library IN LISTS libraries)
    # Only the build's: our warning flags, header-only libraries that no header of ours names.
    if(NOT library OR library MATCHES "BUILD_INTERFACE")
      continue()
    endif()
    string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" library "${library}")
    if(library MATCHES "^rwp::(.+)$")
      list(APPEND found_components ${CMAKE_MATCH_1})
      continue()
    endif()
    string(REPLACE "::" "__" key "${library}")
    if(DEFINED rwp_package_${key})
      list(APPEND found_packages "${rwp_package_${key}}")
    elseif(NOT library MATCHES "^(m|dl|rt|pthread|-.*)$")
      message(FATAL_ERROR "${target} links ${library}: name its package in cmake/RwpInstall.cmake")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES found_components)
  list(REMOVE_DUPLICATES found_packages)
  set(${components} "${found_components}" PARENT_SCOPE)
  set(${packages} "${found_packages}" PARENT_SCOPE)
endfunction()

set(rwp_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rwp)
get_property(rwp_components GLOBAL PROPERTY RWP_COMPONENTS)
set(RWP_COMPONENT_TABLE)
foreach(component IN LISTS rwp_components)
  install(TARGETS rwp_${component} EXPORT rwp_${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT rwp_${component} NAMESPACE rwp:: FILE rwp_${component}-targets.cmake
    DESTINATION ${rwp_package_dir})
  rwp_read_needs(rwp_${component} needs packages)
  string(APPEND RWP_COMPONENT_TABLE "set(_rwp_components_of_${component} \"${needs}\")\n"
                                    "set(_rwp_packages_of_${component} \"${packages}\")\n")
endforeach()

set(RWP_COMPONENT_LIST "${rwp_components}")
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/rwpConfig.cmake.in
  ${PROJECT_BINARY_DIR}/rwpConfig.cmake INSTALL_DESTINATION ${rwp_package_dir})
# Before 1.0 a minor version may break what the one before it promised.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rwpConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rwpConfig.cmake ${PROJECT_BINARY_DIR}/rwpConfigVersion.cmake
  DESTINATION ${rwp_package_dir})

install(DIRECTORY include/rwp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")

get_property(rwp_programs GLOBAL PROPERTY RWP_PROGRAMS)
if(rwp_programs)
  install(TARGETS ${rwp_programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(FILES LICENSE NOTICE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
