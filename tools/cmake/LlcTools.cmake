# The binaries: llc-model (the user's), llc-opt and llc-lsp (for people who work on the IR).

# llc_tool(NAME FOLDER library...)
function(llc_tool name folder)
  llc_sources(sources ${folder})
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN})
  llc_mlir_target(${name})
  # The precompiled header is that of the libraries: position-independent, not "position-independent executable".
  target_compile_options(${name} PRIVATE -fPIC)
endfunction()

function(llc_tools)
  llc_tool(llc-model tools/cli llc_models llc_compiler llc_runtime llc_corpus)
  llc_tool(llc-opt tools/opt llc_compiler)
  llc_tool(llc-lsp tools/lsp llc_compiler)
endfunction()
