# RWP_PYTHON: build bindings/python; on where the system's Python, its headers and pybind11 are.
# Sets RWP_PYTHON_EXECUTABLE and RWP_PYTHON_DIR for those who test and install it.

# Debian's pybind11 and pytest belong to Debian's Python; another may stand before it in PATH.
if(NOT Python_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python 3.9 QUIET COMPONENTS Interpreter Development.Module)
set(PYBIND11_FINDPYTHON ON)
find_package(pybind11 2.10 CONFIG QUIET)

set(rwp_python_there OFF)
if(Python_FOUND AND pybind11_FOUND AND NOT RWP_THREADED_TESTS_ONLY)
  set(rwp_python_there ON)
endif()
option(RWP_PYTHON "Build the Python package" ${rwp_python_there})
if(RWP_PYTHON AND NOT (Python_FOUND AND pybind11_FOUND))
  message(FATAL_ERROR "RWP_PYTHON needs Python's headers (python3-dev) and pybind11 (pybind11-dev)")
endif()

if(RWP_PYTHON)
  set(RWP_PYTHON_EXECUTABLE ${Python_EXECUTABLE})
  # Debian's Python looks into dist-packages, others into site-packages.
  execute_process(COMMAND ${Python_EXECUTABLE} -c
    "import sysconfig; print('dist' if 'deb_system' in sysconfig.get_scheme_names() else 'site')"
    OUTPUT_VARIABLE rwp_python_layout OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(RWP_PYTHON_DIR
    "lib/python${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}/${rwp_python_layout}-packages"
    CACHE STRING "Where the Python package is installed; relative to the prefix, or absolute")
endif()
