# How every folder of the tree becomes a library, a test or a program.
#
#   terrace_library(engine LINKS terrace_types)     src/engine/*.cc -> terrace_engine
#   terrace_tests(engine LINKS terrace_engine)      tests/engine/*_test.cc -> terrace_engine_tests; each file is one
#                                                   ctest entry, so `ctest -R engine/shard` runs one suite
#
# A library links only what its folder may include (docs/ARCHITECTURE.md draws the rows), so an include that
# points up usually fails to link; tests/layering checks the include lines themselves.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing>=2.3)
find_package(mimalloc 2.0 REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(terrace_flags INTERFACE)
target_include_directories(terrace_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_options(terrace_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wundef
  -Wno-missing-field-initializers $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(terrace_flags INTERFACE -Wthread-safety -Wno-c99-designator)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # gcc 12 at -O3 sees overlaps and overruns in std::string's and std::vector's own inlined code ("a" + std::string
  # is enough); clang and the sanitizers watch over these instead.
  target_compile_options(terrace_flags INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(TERRACE_WERROR)
  target_compile_options(terrace_flags INTERFACE -Werror)
endif()
if(TERRACE_SYNTAX_ONLY)
  target_compile_options(terrace_flags INTERFACE -fsyntax-only)
endif()
if(TERRACE_SANITIZE)
  target_compile_options(terrace_flags INTERFACE -fsanitize=${TERRACE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(terrace_flags INTERFACE -fsanitize=${TERRACE_SANITIZE})
endif()

function(terrace_library name)
  cmake_parse_arguments(ARG "" "" "LINKS;EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(file ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  if(sources)
    add_library(terrace_${name} STATIC ${sources})
    target_link_libraries(terrace_${name} PUBLIC terrace_flags ${ARG_LINKS})
  else()
    add_library(terrace_${name} INTERFACE)
    target_link_libraries(terrace_${name} INTERFACE terrace_flags ${ARG_LINKS})
  endif()
endfunction()

# What several threads share is tested once more under the thread sanitizer: ./dev test builds this target there.
add_custom_target(threaded_tests)
set(TERRACE_THREADED engine exec net pubsub)

function(terrace_tests name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  set(program terrace_${name}_tests)
  add_executable(${program} ${sources})
  target_link_libraries(${program} PRIVATE terrace_doctest ${ARG_LINKS})
  target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  set(labels unit)
  if(name STREQUAL "model")
    set(labels model)
  endif()
  if(name IN_LIST TERRACE_THREADED)
    list(APPEND labels threaded)
    add_dependencies(threaded_tests ${program})
  endif()
  terrace_test_per_file(${program} LABELS ${labels} TIMEOUT ${TERRACE_TEST_SECONDS} SOURCES ${sources})
endfunction()

# Only what hangs meets this limit: the machine may be slow, busy, and run sanitized code.
set(TERRACE_TEST_SECONDS 1800)

# One ctest entry per source file of a doctest program, named folder/noun.
function(terrace_test_per_file program)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES" ${ARGN})
  foreach(source ${ARG_SOURCES})
    file(RELATIVE_PATH path ${CMAKE_CURRENT_SOURCE_DIR} ${source})
    string(REPLACE "_test.cc" "" test ${path})
    if(NOT test MATCHES "/")
      get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
      string(PREPEND test ${folder}/)
    endif()
    add_test(NAME ${test} COMMAND ${program} --source-file=*${path})
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  endforeach()
endfunction()
