# The archives that ahead-of-time executables are linked from: start code, the whole runtime and the C++ library, so that
# linking needs no development files. libllc_artifact.a is for this architecture; libllc_artifact_aarch64.a is made on
# other machines when they have the libraries to build for aarch64 (tools/ci/packages-cross.txt).
set(LLC_ARTIFACT_LIBRARIES libutf8proc.a libstdc++.a libgcc.a libgcc_eh.a libc_nonshared.a)
# Trainers read compressed texts.
set(LLC_TRAINER_LIBRARIES libz.a libzstd.a)
option(LLC_CROSS "Also make the runtime for executables of other architectures, where their libraries are installed" ON)

function(llc_artifact_archives)
  add_library(llc_start STATIC ${CMAKE_SOURCE_DIR}/compiler/aot/start/start_${CMAKE_SYSTEM_PROCESSOR}.S
                               ${CMAKE_SOURCE_DIR}/compiler/aot/start/main.c)
  set(libraries llc_start)
  foreach(library llc_train llc_corpus llc_data llc_runtime llc_text llc_formats llc_base)
    get_target_property(type ${library} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND libraries ${library})
    endif()
  endforeach()
  llc_foreign_files(files missing "" ${LLC_ARTIFACT_LIBRARIES} ${LLC_TRAINER_LIBRARIES})
  if(missing)
    message(FATAL_ERROR "${missing} is missing: executables made ahead of time are linked with it "
                        "(apt install g++ libutf8proc-dev zlib1g-dev libzstd-dev)")
  endif()
  llc_artifact_archive(llc_artifact "${libraries}" "${files}")
  if(LLC_CROSS AND NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    llc_cross_archive(aarch64)
  endif()
  # Whoever links artifacts needs the archives beside the program; these targets exist only at the end.
  cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL llc_need_artifact_archive)
endfunction()

# llc_foreign_files(FILES MISSING FLAG name...): full paths by the compiler with FLAG; MISSING: the first that is not there.
function(llc_foreign_files files missing flag)
  set(found "")
  set(absent "")
  foreach(file ${ARGN})
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${flag} -print-file-name=${file} OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT EXISTS ${path} AND NOT absent)
      set(absent ${file})
    endif()
    list(APPEND found ${path})
  endforeach()
  set(${files} ${found} PARENT_SCOPE)
  set(${missing} "${absent}" PARENT_SCOPE)
endfunction()

# llc_artifact_archive(NAME LIBRARIES FILES): lib/libNAME.a of the objects of library targets and archives.
function(llc_artifact_archive name libraries files)
  set(archive ${CMAKE_ARCHIVE_OUTPUT_DIRECTORY}/lib${name}.a)
  set(script "create ${archive}\n")
  foreach(library ${libraries})
    string(APPEND script "addlib $<TARGET_FILE:${library}>\n")
  endforeach()
  foreach(path ${files})
    string(APPEND script "addlib ${path}\n")
  endforeach()
  string(APPEND script "save\nend\n")
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/${name}.mri CONTENT "${script}")
  find_program(LLC_AR NAMES llvm-ar-19 llvm-ar HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
  add_custom_command(OUTPUT ${archive} DEPENDS ${libraries} ${CMAKE_BINARY_DIR}/${name}.mri
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND sh -c "${LLC_AR} -M < ${CMAKE_BINARY_DIR}/${name}.mri"
    COMMENT "Archive for ahead-of-time executables: lib${name}.a" VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${archive})
  install(FILES ${archive} DESTINATION lib/llc-model)
endfunction()

# The runtime's sources once more, by the same compiler for another architecture.
function(llc_cross_archive architecture)
  set(flag --target=${architecture}-linux-gnu)
  llc_foreign_files(files missing ${flag} ${LLC_ARTIFACT_LIBRARIES} libc.so.6)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR missing OR LLC_SANITIZE)
    message(STATUS "No runtime for ${architecture} executables: ${missing} missing, or another compiler than clang, or sanitizers")
    return()
  endif()
  list(POP_BACK files)  # libc is linked when an executable is made
  llc_sources(sources runtime/base runtime/abi runtime/formats runtime/text runtime/chat runtime/threads runtime/cache runtime/sampling
              runtime/serve runtime/eval)
  set(name llc_runtime_${architecture})
  add_library(${name} STATIC ${sources} ${CMAKE_SOURCE_DIR}/compiler/aot/start/start_${architecture}.S
                             ${CMAKE_SOURCE_DIR}/compiler/aot/start/main.c)
  target_compile_options(${name} PRIVATE ${flag} -O2 -Wno-deprecated-declarations)
  llc_unity(${name})
  target_precompile_headers(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${CMAKE_SOURCE_DIR}/tools/cmake/pch_runtime.h>)
  list(GET files 0 utf8proc)
  target_link_libraries(${name} INTERFACE ${utf8proc})
  llc_artifact_archive(llc_artifact_${architecture} ${name} "${files}")
endfunction()

function(llc_need_artifact_archive)
  foreach(user llc-model compiler_tests)
    foreach(archive llc_artifact llc_artifact_aarch64)
      if(TARGET ${user} AND TARGET ${archive})
        add_dependencies(${user} ${archive})
      endif()
    endforeach()
  endforeach()
endfunction()
