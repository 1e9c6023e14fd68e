# The compiler's target. Owned together with compiler/.
include(LlcArtifact)

function(llc_compiler name)
  file(GLOB transforms RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/transforms/*)
  llc_sources(sources compiler/pipelines ${transforms}
              compiler/memory compiler/lowering compiler/kernels compiler/targets compiler/tuning compiler/jit compiler/aot)
  if(NOT sources)
    add_library(${name} INTERFACE)
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC llc_dialect)
  llc_mlir_target(${name})
  llc_unity(${name})
  llc_pass_tables(${name})
  llc_link_lld(${name})
  llc_artifact_archives()
  target_compile_definitions(${name} PRIVATE LLC_VERSION="${PROJECT_VERSION}")
endfunction()

# compiler/transforms/<folder>/Passes.td -> generated/compiler/transforms/<folder>/Passes.h.inc
function(llc_pass_tables name)
  file(GLOB tables RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
       ${CMAKE_SOURCE_DIR}/compiler/transforms/*/Passes.td ${CMAKE_SOURCE_DIR}/compiler/memory/Passes.td)
  set(generated "")
  foreach(table ${tables})
    get_filename_component(folder ${table} DIRECTORY)
    get_filename_component(group ${folder} NAME)
    string(SUBSTRING ${group} 0 1 initial)
    string(TOUPPER ${initial} initial)
    string(SUBSTRING ${group} 1 -1 rest)
    set(group ${initial}${rest})
    file(MAKE_DIRECTORY ${LLC_GENERATED}/${folder})
    set(output ${LLC_GENERATED}/${folder}/Passes.h.inc)
    add_custom_command(OUTPUT ${output} DEPENDS ${CMAKE_SOURCE_DIR}/${table}
      COMMAND ${MLIR_TABLEGEN_EXE} -gen-pass-decls -name=${group} -I ${CMAKE_SOURCE_DIR} -I ${LLVM_MAIN_INCLUDE_DIR} -I ${MLIR_INCLUDE_DIRS}
              ${CMAKE_SOURCE_DIR}/${table} -o ${output}
      COMMENT "Pass table ${folder}" VERBATIM)
    list(APPEND generated ${output})
  endforeach()
  add_custom_target(${name}_passes DEPENDS ${generated})
  add_dependencies(${name} ${name}_passes)
endfunction()

# lld comes as static libraries next to LLVM; zstd by its shared object, since only that is always installed.
function(llc_link_lld name)
  find_library(LLC_LLD_ELF lldELF HINTS ${LLVM_LIBRARY_DIRS} REQUIRED)
  find_library(LLC_LLD_COMMON lldCommon HINTS ${LLVM_LIBRARY_DIRS} REQUIRED)
  find_library(LLC_ZSTD NAMES zstd libzstd.so.1 REQUIRED)
  find_library(LLC_ZLIB NAMES z libz.so.1 REQUIRED)
  target_link_libraries(${name} PUBLIC ${LLC_LLD_ELF} ${LLC_LLD_COMMON} LLVM ${LLC_ZLIB} ${LLC_ZSTD})
endfunction()
