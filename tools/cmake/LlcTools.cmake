# The binaries: llc-model (the user's), llc-opt and llc-lsp (for people who work on the IR).

# llc_tool(NAME FOLDER library...)
function(llc_tool name folder)
  llc_sources(sources ${folder})
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  llc_tool_settings(${name} ${ARGN})
endfunction()

function(llc_tool_settings name)
  target_link_libraries(${name} PUBLIC ${ARGN})
  llc_mlir_target(${name} TOOLS)
  # The precompiled header is that of the libraries: position-independent, not "position-independent executable".
  target_compile_options(${name} PRIVATE -fPIC)
endfunction()

function(llc_tools)
  # The commands are a library, so that unit tests reach what stands behind them.
  llc_sources(sources tools/cli)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/tools/cli/main.cpp)
  add_library(llc_cli STATIC ${sources})
  llc_tool_settings(llc_cli llc_models llc_compiler llc_runtime llc_corpus llc_train)
  llc_unity(llc_cli)
  add_executable(llc-model tools/cli/main.cpp)
  llc_tool_settings(llc-model llc_cli)
  llc_tool(llc-opt tools/opt llc_compiler)
  llc_tool(llc-lsp tools/lsp llc_compiler)
endfunction()
