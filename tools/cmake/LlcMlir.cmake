# The targets that use MLIR: TableGen, the dialect, the compiler, frontends, models and tools.
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-19/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
find_package(Eigen3 REQUIRED NO_MODULE)
set(LLC_GENERATED ${CMAKE_BINARY_DIR}/generated)

# Settings of every target that includes MLIR headers. -O1: the headers' templates dominate, LLVM itself is a library.
function(llc_mlir_target name)
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1> -Wno-unused-but-set-variable -Wno-deprecated-declarations)
  target_link_libraries(${name} PUBLIC MLIR LLVM)
  if(NOT TARGET llc_pch_mlir)
    file(WRITE ${CMAKE_BINARY_DIR}/pch_mlir.cpp "")
    add_library(llc_pch_mlir STATIC ${CMAKE_BINARY_DIR}/pch_mlir.cpp)
    target_include_directories(llc_pch_mlir SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
    target_compile_options(llc_pch_mlir PRIVATE $<$<CONFIG:Release>:-O1> -fpch-instantiate-templates
                           -Wno-unused-but-set-variable -Wno-deprecated-declarations)
    target_precompile_headers(llc_pch_mlir PRIVATE ${CMAKE_SOURCE_DIR}/tools/cmake/pch_mlir.h)
  endif()
  target_precompile_headers(${name} REUSE_FROM llc_pch_mlir)
endfunction()

include(LlcDialect)
include(LlcCompiler)
include(LlcFrontends)
include(LlcTools)
