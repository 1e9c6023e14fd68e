# The dialect's targets. Owned together with dialect/.

find_program(LLC_TBLGEN NAMES mlir-tblgen mlir-tblgen-19 HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)

# llc_tablegen(OUTPUT TD ACTION...): build/generated/OUTPUT from dialect/TD; every .td of the dialect is a dependency.
function(llc_tablegen output td)
  file(GLOB_RECURSE descriptions CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/dialect/*.td)
  get_filename_component(folder ${LLC_GENERATED}/dialect/${output} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${LLC_GENERATED}/dialect/${output}
    COMMAND ${LLC_TBLGEN} ${ARGN} -I ${CMAKE_SOURCE_DIR} -I ${MLIR_INCLUDE_DIRS} ${CMAKE_SOURCE_DIR}/dialect/${td}
            -o ${LLC_GENERATED}/dialect/${output}
    DEPENDS ${descriptions} VERBATIM COMMENT "TableGen dialect/${output}")
  set_property(GLOBAL APPEND PROPERTY LLC_DIALECT_GENERATED ${LLC_GENERATED}/dialect/${output})
endfunction()

# The op families: dialect/ops/NAME.td with dialect/ops/NAME.cpp. base.td and ops.td are no families.
function(llc_dialect_headers)
  llc_tablegen(interfaces/dialect.h.inc interfaces/dialect.td -gen-dialect-decls -dialect=llm)
  llc_tablegen(interfaces/dialect.cpp.inc interfaces/dialect.td -gen-dialect-defs -dialect=llm)
  foreach(facet indexed evaluable differentiable decomposable shardable costed)
    llc_tablegen(interfaces/${facet}.h.inc interfaces/${facet}.td -gen-op-interface-decls)
    llc_tablegen(interfaces/${facet}.cpp.inc interfaces/${facet}.td -gen-op-interface-defs)
  endforeach()
  llc_tablegen(types/types.h.inc types/types.td -gen-typedef-decls -typedefs-dialect=llm)
  llc_tablegen(types/types.cpp.inc types/types.td -gen-typedef-defs -typedefs-dialect=llm)
  llc_tablegen(types/attributes.h.inc types/types.td -gen-attrdef-decls -attrdefs-dialect=llm)
  llc_tablegen(types/attributes.cpp.inc types/types.td -gen-attrdef-defs -attrdefs-dialect=llm)
  llc_tablegen(ops/ops.h.inc ops/ops.td -gen-op-decls)
  file(GLOB families CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/dialect/ops/*.td)
  foreach(family ${families})
    get_filename_component(stem ${family} NAME_WE)
    if(NOT stem MATCHES "^(base|ops)$")
      llc_tablegen(ops/${stem}.cpp.inc ops/${stem}.td -gen-op-defs)
    endif()
  endforeach()
endfunction()

function(llc_dialect name)
  llc_dialect_headers()
  get_property(generated GLOBAL PROPERTY LLC_DIALECT_GENERATED)
  add_custom_target(llc_dialect_generated DEPENDS ${generated})
  llc_sources(sources dialect/types dialect/interfaces dialect/ops dialect/reference)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC llc_base Eigen3::Eigen)
  llc_mlir_target(${name})
  llc_unity(${name})
endfunction()
